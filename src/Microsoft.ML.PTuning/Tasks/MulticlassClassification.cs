using System.Globalization;
using System.Text.Json;
using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>One class of several for a text or a pair of texts. Outputs: a probability per class.</summary>
internal sealed record MulticlassClassification : SentenceClassification
{
    /// <summary>The classes, once the label is known.</summary>
    public LabelValues? Labels { get; init; }

    public override string ScoreColumnKind => "MulticlassClassification";

    public override IReadOnlyList<InputColumn> LabelColumns =>
        [new(LabelColumnName, "label", [ColumnForm.Key], "Map it to a key first (Transforms.Conversion.MapValueToKey).")];

    public override LabelValues? Classes => Labels;

    public override IReadOnlyList<OutputColumn> Outputs =>
    [
        new OutputColumn<ScorePrediction, uint>(
            PredictedLabelColumnName, NumberDataViewType.UInt32, ColumnSize.Scalar, IsKey: true, ScoreAnnotations.PredictedLabel,
            LabelAnnotation.KeyValues, (ScorePrediction scores, ref uint value) => value = (uint)ScorePrediction.ArgMax(scores.Values) + 1),
        new OutputColumn<ScorePrediction, VBuffer<float>>(
            ScoreColumnName, NumberDataViewType.Single, ColumnSize.PerClass, IsKey: false, ScoreAnnotations.Score,
            LabelAnnotation.SlotNames, (ScorePrediction scores, ref VBuffer<float> value) => scores.Values.CopyTo(ref value)),
    ];

    protected override int OutputSize => Labels!.Count;

    public override IReadOnlyList<string> ClassNames =>
        Labels!.Values ?? [.. Enumerable.Range(0, Labels.Count).Select(index => index.ToString(CultureInfo.InvariantCulture))];

    public override PromptTask ForData(IDataView data, Action checkCancelled)
    {
        var classes = LabelValues.Read(data.Schema[LabelColumnName]);
        if (classes.Count > 1 || !HasLabel(data, checkCancelled)) // Read reports rows without any label.
            return this with { Labels = classes };

        throw new InvalidOperationException(
            $"Label column '{LabelColumnName}' has a single class. Classification needs at least two; check the column, or the rows that MapValueToKey saw.");
    }

    public override void CheckValidation(IDataView data)
    {
        var classes = LabelValues.Read(data.Schema[LabelColumnName]);
        if (!classes.IsSameAs(Labels!))
            throw new InvalidOperationException(
                $"Label column '{LabelColumnName}' of the validation set has other classes, or another order of them, than that of the training set "
                + $"({classes.Count} and {Labels!.Count}). Map both with one fitted MapValueToKey.");
    }

    protected override Prediction Decode(float[] scores) => new ScorePrediction(ScorePrediction.Softmax(scores));

    protected override void CheckRead()
    {
        base.CheckRead();
        if (Labels is not { Count: > 1 })
            throw new JsonException($"The task has {Labels?.Count ?? 0} classes; expected at least two.");
        if (Labels.FindTwice() is { } twice)
            throw new JsonException($"The task has several classes '{twice}'; expected each once.");
    }

    protected override Func<float[]?> OpenTarget(DataViewRow row)
    {
        var read = KeyColumn.Open(row, row.Schema[LabelColumnName]);
        var targets = new float[]?[Labels!.Count]; // Rows of a class share one.
        return () =>
        {
            var key = read();
            // Keys count from 1. A key of 0, or beyond the count, is missing.
            return key == 0 || key > (ulong)targets.Length ? null : targets[key - 1] ??= [key - 1];
        };
    }

    protected override int Predict(float[] scores) => ScorePrediction.ArgMax(scores);

    protected override string ClassName(int index) => Labels?.Values?[index] ?? $"class {index}";

    private bool HasLabel(IDataView data, Action checkCancelled)
    {
        using var cursor = data.GetRowCursor([data.Schema[LabelColumnName]]);
        var read = KeyColumn.Open(cursor, cursor.Schema[LabelColumnName]);
        while (cursor.MoveNext())
        {
            checkCancelled();
            if (read() > 0)
                return true;
        }
        return false;
    }
}
