using System.Text.Json;
using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>One class of several for a text or a pair of texts. Outputs: a probability a class.</summary>
internal sealed record MulticlassClassification : SentenceClassification
{
    /// <summary>The classes, once the label is known.</summary>
    public LabelValues? Labels { get; init; }

    public override string ScoreColumnKind => "MulticlassClassification";

    public override InputColumn Label =>
        new(LabelColumnName, "label", NumberDataViewType.UInt32, IsKey: true, "Map it to a key first (Transforms.Conversion.MapValueToKey).");

    public override LabelValues? Classes => Labels;

    public override IReadOnlyList<OutputColumn> Outputs =>
    [
        new OutputColumn<uint>(
            PredictedLabelColumnName, NumberDataViewType.UInt32, IsVector: false, IsKey: true, ScoreAnnotations.PredictedLabel,
            LabelAnnotation.KeyValues, (float[] scores, ref uint value) => value = (uint)ArgMax(scores) + 1),
        new OutputColumn<VBuffer<float>>(
            ScoreColumnName, NumberDataViewType.Single, IsVector: true, IsKey: false, ScoreAnnotations.Score,
            LabelAnnotation.SlotNames, CopyScores),
    ];

    protected override int OutputSize => Labels!.Count;

    public override PromptTask ForLabel(DataViewSchema.Column label)
    {
        var labels = LabelValues.Read(label);
        return labels.Count > 1
            ? this with { Labels = labels }
            : throw new InvalidOperationException(
                $"Label column '{label.Name}' has a single class. Classification needs at least two; check the column, or the rows that MapValueToKey saw.");
    }

    public override float[] Decode(float[] outputs)
    {
        var max = outputs.Max();
        var exponentials = Array.ConvertAll(outputs, x => MathF.Exp(x - max));
        var sum = exponentials.Sum();
        return Array.ConvertAll(exponentials, x => x / sum);
    }

    protected override void CheckRead()
    {
        base.CheckRead();
        if (Labels is not { Count: > 1 })
            throw new JsonException($"The task has {Labels?.Count ?? 0} classes; expected at least two.");
    }

    protected override Func<float?> OpenTarget(DataViewRow row)
    {
        var getter = OpenColumn<uint>(row, LabelColumnName);
        return () =>
        {
            uint key = 0;
            getter(ref key);
            return key == 0 || key > Labels!.Count ? null : key - 1; // Keys count from 1; 0, and what is beyond the count, is a missing one.
        };
    }

    protected override int Predict(float[] outputs) => ArgMax(outputs);

    protected override string ClassName(int index) => Labels?.Values?[index] ?? $"class {index}";

    private static int ArgMax(float[] scores) => Array.IndexOf(scores, scores.Max());

    private static void CopyScores(float[] scores, ref VBuffer<float> value)
    {
        var editor = VBufferEditor.Create(ref value, scores.Length);
        scores.CopyTo(editor.Values);
        value = editor.Commit();
    }
}
