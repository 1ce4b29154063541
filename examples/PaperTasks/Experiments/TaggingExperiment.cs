using Microsoft.ML;
using Microsoft.ML.PTuning;
using PaperTasks.DataSets;

namespace PaperTasks.Experiments;

/// <summary>A tag for each word: named entities, or the roles of a predicate.</summary>
internal sealed class TaggingExperiment(TaggingData data) : Experiment
{
    /// <summary>Micro F1 without the predicate itself, which the model is told of: the paper's F1 counts it, that of the CoNLL shared tasks does not.</summary>
    /// <remarks>Unlike theirs, it counts an argument in several pieces (<c>A1</c>, <c>C-A1</c>) piece by piece.</remarks>
    public static double ArgumentF1(IReadOnlyDictionary<string, ClassScore> types)
    {
        ClassScore[] arguments = [.. types.Where(type => !TaggedSentence.IsPredicate(type.Key)).Select(type => type.Value)];
        double spans = arguments.Sum(score => score.Support + score.Predicted);
        double right = arguments.Sum(score => score.Recall * score.Support);
        return spans == 0 ? 0 : 2 * right / spans;
    }

    protected override (IDataView Train, IDataView Dev) Load(MLContext mlContext) => (Load(mlContext, data.Train), Load(mlContext, data.Dev));

    // The keys are given, not collected: a tag that only the development sentences have is a tag too.
    protected override IEstimator<ITransformer> LabelsToKeys(MLContext mlContext)
    {
        IDataView tags = mlContext.Data.LoadFromEnumerable(data.Tags.Select(tag => new TagRow { Tag = tag }));
        return mlContext.Transforms.Conversion.MapValueToKey(nameof(SentenceRow.Label), keyData: tags);
    }

    protected override IReadOnlyList<KeyValuePair<string, double>> Evaluate(MLContext mlContext, IDataView scored)
    {
        NamedEntityMetrics metrics = mlContext.MulticlassClassification.EvaluateNamedEntityRecognition(scored);
        List<KeyValuePair<string, double>> values =
        [
            KeyValuePair.Create("f1", metrics.MicroF1),
            KeyValuePair.Create("precision", metrics.MicroPrecision),
            KeyValuePair.Create("recall", metrics.MicroRecall),
        ];
        if (data.HasPredicates)
            values.Add(KeyValuePair.Create("argumentF1", ArgumentF1(metrics.PerType)));
        return values;
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
