using System.Globalization;
using Microsoft.ML;
using PaperTasks.DataSets;

namespace PaperTasks.Experiments;

/// <summary>A class, or a number, for a text or a pair of texts.</summary>
internal sealed class SentenceExperiment(SentenceData data) : Experiment
{
    protected override (IDataView Train, IDataView Dev) Load(MLContext mlContext) => (Load(mlContext, data.Train), Load(mlContext, data.Dev));

    // The keys are given, not collected: a label that only the development rows have is a class too, and its rows count as wrong.
    protected override IEstimator<ITransformer>? LabelsToKeys(MLContext mlContext)
    {
        if (data.IsRegression)
            return null;

        IDataView labels = mlContext.Data.LoadFromEnumerable(data.Labels.Select(label => new LabelRow { Label = label }));
        return mlContext.Transforms.Conversion.MapValueToKey("Label", keyData: labels);
    }

    protected override IReadOnlyList<KeyValuePair<string, double>> Evaluate(MLContext mlContext, IDataView scored) =>
        Evaluation.Evaluate(mlContext, scored, data);

    private IDataView Load(MLContext mlContext, IReadOnlyList<Example> rows) => data.IsRegression
        ? mlContext.Data.LoadFromEnumerable(rows.Select(row => new ScoredRow
        {
            Sentence1 = row.Sentence1,
            Sentence2 = row.Sentence2 ?? "",
            Label = float.Parse(row.Label, NumberStyles.Float, CultureInfo.InvariantCulture),
        }))
        : mlContext.Data.LoadFromEnumerable(rows.Select(row => new LabelledRow
        {
            Sentence1 = row.Sentence1,
            Sentence2 = row.Sentence2 ?? "",
            Label = row.Label,
        }));

    private sealed class LabelledRow
    {
        public string Sentence1 { get; set; } = "";

        public string Sentence2 { get; set; } = "";

        public string Label { get; set; } = "";
    }

    private sealed class ScoredRow
    {
        public string Sentence1 { get; set; } = "";

        public string Sentence2 { get; set; } = "";

        public float Label { get; set; }
    }

    private sealed class LabelRow
    {
        public string Label { get; set; } = "";
    }
}
