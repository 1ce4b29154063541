using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using PaperTasks.DataSets;

namespace PaperTasks.Experiments;

/// <summary>A text that says facts.</summary>
internal sealed class WritingExperiment(WritingData data) : Experiment
{
    /// <summary>The share of values that stand in a text, word for word.</summary>
    public static double ValuesTold(IReadOnlyList<DescribedFacts> rows, IReadOnlyList<string> texts) => rows
        .Zip(texts, (row, text) => row.Facts.Select(fact => text.Contains(fact.Value, StringComparison.OrdinalIgnoreCase)))
        .SelectMany(told => told)
        .Average(told => told ? 1.0 : 0);

    // A training row per text; a development row per set of facts, which is judged by the nearest of its texts.
    protected override (IDataView Train, IDataView Dev) Load(MLContext mlContext) => (
        mlContext.Data.LoadFromEnumerable(data.Train.SelectMany(row => row.References.Select(text => ToRow(row, text)))),
        mlContext.Data.LoadFromEnumerable(data.Dev.Select(row => ToRow(row, row.References[0]))));

    protected override IEstimator<ITransformer>? LabelsToKeys(MLContext mlContext) => null;

    protected override IReadOnlyList<KeyValuePair<string, double>> Evaluate(MLContext mlContext, IDataView scored)
    {
        TextGenerationMetrics metrics = mlContext.MulticlassClassification.EvaluateText(scored, nameof(WritingRow.References));
        return
        [
            KeyValuePair.Create("bleu", metrics.Bleu),
            KeyValuePair.Create("rougeL", metrics.RougeL),
            KeyValuePair.Create("chrf", metrics.ChrF),
            KeyValuePair.Create("exactMatch", metrics.ExactMatch),
            KeyValuePair.Create("valuesTold", ValuesTold(data.Dev, [.. scored.GetColumn<string>("GeneratedText")])),
        ];
    }

    // Written behind the facts: a space begins the text, as in what language models are trained with.
    private static WritingRow ToRow(DescribedFacts row, string text) => new() { Text = row.Text, Label = $" {text}", References = [.. row.References] };

    private sealed class WritingRow
    {
        public string Text { get; set; } = "";

        /// <summary>The text to learn.</summary>
        public string Label { get; set; } = "";

        public string[] References { get; set; } = [];
    }
}
