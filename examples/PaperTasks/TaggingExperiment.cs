using Microsoft.ML;
using Microsoft.ML.PTuning;
using PaperTasks.DataSets;

namespace PaperTasks;

/// <summary>A tag for each word: named entities, or the roles of a predicate.</summary>
internal sealed class TaggingExperiment(TaggingData data, Settings settings, string? backbone) : Experiment(data, settings, backbone)
{
    protected override (IDataView Train, IDataView Dev) Load(MLContext mlContext) => (Load(mlContext, data.Train), Load(mlContext, data.Dev));

    // The keys are given, not collected: a tag that only the development sentences have is a tag too.
    protected override IEstimator<ITransformer> LabelsToKeys(MLContext mlContext)
    {
        IDataView tags = mlContext.Data.LoadFromEnumerable(data.Tags.Select(tag => new TagRow { Tag = tag }));
        return mlContext.Transforms.Conversion.MapValueToKey(nameof(SentenceRow.Label), keyData: tags);
    }

    protected override PTuningV2Trainer Trainer(MLContext mlContext, TrainingRun run)
    {
        string? predicate = data.HasPredicates ? nameof(SentenceRow.Predicate) : null;
        return mlContext.MulticlassClassification.Trainers.PTuningV2NamedEntityRecognition(
            WithSettings(new PTuningV2Trainer.NamedEntityOptions { PredicateColumnName = predicate }, run));
    }

    protected override IReadOnlyList<KeyValuePair<string, double>> Evaluate(MLContext mlContext, IDataView scored)
    {
        NamedEntityMetrics metrics = mlContext.MulticlassClassification.EvaluateNamedEntityRecognition(scored);
        return
        [
            KeyValuePair.Create("f1", metrics.MicroF1),
            KeyValuePair.Create("precision", metrics.MicroPrecision),
            KeyValuePair.Create("recall", metrics.MicroRecall),
        ];
    }

    private static IDataView Load(MLContext mlContext, IReadOnlyList<TaggedSentence> rows) =>
        mlContext.Data.LoadFromEnumerable(rows.Select(row => new SentenceRow
        {
            Sentence1 = [.. row.Words],
            Label = [.. row.Tags],
            Predicate = row.Predicate ?? 0,
        }));

    private sealed class SentenceRow
    {
        public string[] Sentence1 { get; set; } = [];

        public string[] Label { get; set; } = [];

        public int Predicate { get; set; }
    }

    private sealed class TagRow
    {
        public string Tag { get; set; } = "";
    }
}
