using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>True or false for a text or a pair of texts. Output: the difference of the two logits.</summary>
internal sealed record BinaryClassification : SentenceClassification
{
    public required string ProbabilityColumnName { get; init; }

    public override string ScoreColumnKind => "BinaryClassification";

    public override InputColumn Label =>
        new(LabelColumnName, "label", BooleanDataViewType.Instance, IsKey: false,
            "Make it Boolean (Transforms.Conversion.ConvertType or MapValue), or use the multiclass trainer.");

    public override IReadOnlyList<OutputColumn> Outputs =>
    [
        new OutputColumn<bool>(
            PredictedLabelColumnName, BooleanDataViewType.Instance, IsVector: false, IsKey: false, ScoreAnnotations.PredictedLabel,
            LabelAnnotation.None, (float[] score, ref bool value) => value = IsTrue(score)),
        new OutputColumn<float>(
            ScoreColumnName, NumberDataViewType.Single, IsVector: false, IsKey: false, ScoreAnnotations.Score,
            LabelAnnotation.None, (float[] score, ref float value) => value = score[0]),
        new OutputColumn<float>(
            ProbabilityColumnName, NumberDataViewType.Single, IsVector: false, IsKey: false, ScoreAnnotations.Probability,
            LabelAnnotation.None, (float[] score, ref float value) => value = 1 / (1 + MathF.Exp(-score[0]))),
    ];

    protected override int OutputSize => 2;

    public override PromptTask ForLabel(DataViewSchema.Column label) => this;

    public override float[] Decode(float[] outputs) => [outputs[1] - outputs[0]];

    protected override Func<float?> OpenTarget(DataViewRow row)
    {
        var getter = OpenColumn<bool>(row, LabelColumnName);
        return () =>
        {
            var value = false;
            getter(ref value);
            return value ? 1 : 0;
        };
    }

    protected override int Predict(float[] outputs) => IsTrue(outputs) ? 1 : 0;

    protected override string ClassName(int index) => index == 1 ? "true" : "false";

    private static bool IsTrue(float[] score) => score[0] > 0;
}
