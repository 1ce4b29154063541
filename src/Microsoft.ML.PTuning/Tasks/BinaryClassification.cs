using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>True or false for a text or a pair of texts. Output: the difference of the two logits.</summary>
internal sealed record BinaryClassification : SentenceClassification
{
    public required string ProbabilityColumnName { get; init; }

    public override string ScoreColumnKind => "BinaryClassification";

    public override IReadOnlyList<InputColumn> LabelColumns =>
    [
        new(LabelColumnName, "label", [new(BooleanDataViewType.Instance)],
            "Make it Boolean (Transforms.Conversion.ConvertType or MapValue), or use the multiclass trainer."),
    ];

    public override IReadOnlyList<OutputColumn> Outputs =>
    [
        new OutputColumn<ScorePrediction, bool>(
            PredictedLabelColumnName, BooleanDataViewType.Instance, ColumnSize.Scalar, IsKey: false, ScoreAnnotations.PredictedLabel,
            LabelAnnotation.None, (ScorePrediction scores, ref bool value) => value = IsTrue(scores.Values)),
        new OutputColumn<ScorePrediction, float>(
            ScoreColumnName, NumberDataViewType.Single, ColumnSize.Scalar, IsKey: false, ScoreAnnotations.Score,
            LabelAnnotation.None, (ScorePrediction scores, ref float value) => value = scores.Values[0]),
        new OutputColumn<ScorePrediction, float>(
            ProbabilityColumnName, NumberDataViewType.Single, ColumnSize.Scalar, IsKey: false, ScoreAnnotations.Probability,
            LabelAnnotation.None, (ScorePrediction scores, ref float value) => value = 1 / (1 + MathF.Exp(-scores.Values[0]))),
    ];

    protected override int OutputSize => 2;

    public override IReadOnlyList<string> ClassNames => ["false", "true"];

    protected override Prediction Decode(float[] scores) => new ScorePrediction([scores[1] - scores[0]]);

    protected override Func<float[]?> OpenTarget(DataViewRow row)
    {
        var getter = OpenColumn<bool>(row, LabelColumnName);
        float[] yes = [1], no = [0]; // Shared by all rows.
        return () =>
        {
            var value = false;
            getter(ref value);
            return value ? yes : no;
        };
    }

    protected override int Predict(float[] scores) => IsTrue(scores) ? 1 : 0;

    protected override string ClassName(int index) => index == 1 ? "true" : "false";

    private static bool IsTrue(float[] scores) => scores[0] > 0;
}
