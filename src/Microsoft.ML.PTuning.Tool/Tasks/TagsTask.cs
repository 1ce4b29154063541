using Microsoft.ML.Data;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>A tag per word: named entities and the like.</summary>
internal sealed class TagsTask : ToolTask
{
    public override string Name => "tags";

    public override string Kind => "named-entity-recognition";

    public override CellType LabelType => CellType.Texts;

    public override string Metric => "F1";

    public override bool HasNames => true;

    public override string? Misfit(DataRow row, int label) => row.List(label).Length == row.List(0).Length ? null
        : $"there are {row.List(label).Length} tags for {row.List(0).Length} words.";

    public override CellType TextType(int place) => CellType.Texts;

    public override (int Least, int Most) TextCount => (1, 1);

    public override IEstimator<ITransformer> Before(MLContext mlContext, TaskColumns columns, IReadOnlyList<string>? classes) =>
        Keys(mlContext, columns.Label, classes);

    public override PTuningV2Trainer.Options Options(TaskColumns columns) =>
        new PTuningV2Trainer.NamedEntityOptions { LabelColumnName = columns.Label, Sentence1ColumnName = columns.Texts[0] };

    public override PTuningV2Trainer Trainer(MLContext mlContext, PTuningV2Trainer.Options options) =>
        mlContext.MulticlassClassification.Trainers.PTuningV2NamedEntityRecognition((PTuningV2Trainer.NamedEntityOptions)options);

    public override IEstimator<ITransformer> Behind(MLContext mlContext) => mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel");

    public override Measurement Measure(MLContext mlContext, IDataView scored, string label)
    {
        var metrics = mlContext.MulticlassClassification.EvaluateNamedEntityRecognition(scored, label);
        return new Measurement(
            [
                (Metric, metrics.MicroF1), ("precision", metrics.MicroPrecision), ("recall", metrics.MicroRecall), ("words right", metrics.WordAccuracy),
            ],
            metrics.GetFormattedReport());
    }

    public override string Quality => "share of words right";

    public override IEnumerable<Judgement> Judge(IDataView scored, IEnumerable<DataRow> rows, int label) =>
        scored.GetColumn<string[]>("PredictedLabel").Zip(rows).Select(row =>
        {
            var expected = row.Second.List(label);
            var right = expected.Zip(row.First).Count(tags => tags.First == tags.Second);
            return new Judgement(string.Join(' ', expected), string.Join(' ', row.First), (double)right / Math.Max(1, expected.Length), Confidence: null);
        });
}
