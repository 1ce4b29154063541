using Microsoft.ML.Data;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>Any number of classes per text or pair of texts. The label is a list of names, or a text of names with <c>;</c> or <c>,</c> between them.</summary>
internal sealed class MultiLabelTask : ToolTask
{
    public override string Name => "multi-label";

    public override string Kind => "multi-label-classification";

    public override bool HasNames => true;

    public override CellType LabelType => CellType.Texts;

    public override string Metric => "micro F1";

    public override object? ReadLabel(object? cell, bool isExact) => cell is string text
        ? text.Split(text.Contains(';') ? ';' : ',', StringSplitOptions.RemoveEmptyEntries | (isExact ? StringSplitOptions.None : StringSplitOptions.TrimEntries))
        : cell;

    public override string? Misfit(DataRow row, int label) => null; // A row may have no class at all.

    public override PTuningV2Trainer.Options Options(TaskColumns columns) => new PTuningV2Trainer.MultiLabelOptions
    {
        LabelColumnName = columns.Label,
        Sentence1ColumnName = columns.Texts[0],
        Sentence2ColumnName = columns.SecondText,
    };

    public override PTuningV2Trainer Trainer(MLContext mlContext, PTuningV2Trainer.Options options) =>
        mlContext.MulticlassClassification.Trainers.PTuningV2MultiLabel((PTuningV2Trainer.MultiLabelOptions)options);

    public override Measurement Measure(MLContext mlContext, IDataView scored, string label)
    {
        var metrics = mlContext.MulticlassClassification.EvaluateMultiLabel(scored, label);
        return new Measurement([(Metric, metrics.MicroF1), ("macro F1", metrics.MacroF1), ("rows all right", metrics.SubsetAccuracy)]);
    }

    public override string Quality => "F1 per row";

    public override IEnumerable<Judgement> Judge(IDataView scored, IEnumerable<DataRow> rows, int label) =>
        scored.GetColumn<string[]>("PredictedLabel").Zip(rows).Select(row =>
        {
            var (predicted, expected) = (row.First.ToHashSet(), row.Second.List(label).ToHashSet());
            return new Judgement(string.Join("; ", expected.Order()), string.Join("; ", predicted.Order()), Overlap.F1(expected, predicted), Confidence: null);
        });
}

/// <summary>How far two sets agree.</summary>
internal static class Overlap
{
    /// <summary>How far the words of two texts agree, whatever their order, capitals and punctuation.</summary>
    public static double OfWords(string expected, string predicted) => F1(Words(expected), Words(predicted));

    /// <returns>The harmonic mean of precision and recall; 1 for two empty sets.</returns>
    public static double F1<T>(IReadOnlySet<T> expected, IReadOnlySet<T> predicted) =>
        expected.Count + predicted.Count == 0 ? 1 : 2.0 * expected.Count(predicted.Contains) / (expected.Count + predicted.Count);

    private static HashSet<string> Words(string text) =>
        [.. text.ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(word => word.Trim('.', ',', '"', '\''))];
}
