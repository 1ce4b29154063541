using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A number for a text or a pair of texts. Output: that number.</summary>
/// <remarks>The head learns standardised targets, so that labels of any scale train alike. Outputs are in the label's own unit.</remarks>
internal sealed record TextRegression : SentenceTask
{
    /// <summary>Mean of the training labels.</summary>
    public double TargetMean { get; init; }

    /// <summary>Standard deviation of the training labels.</summary>
    public double TargetDeviation { get; init; } = 1;

    public override string ScoreColumnKind => "Regression";

    public override IReadOnlyList<InputColumn> LabelColumns =>
        [new(LabelColumnName, "label", [new(NumberDataViewType.Single)], "Convert it to Single (Transforms.Conversion.ConvertType).")];

    public override IReadOnlyList<OutputColumn> Outputs =>
    [
        new OutputColumn<ScorePrediction, float>(
            ScoreColumnName, NumberDataViewType.Single, ColumnSize.Scalar, IsKey: false, ScoreAnnotations.Score,
            LabelAnnotation.None, (ScorePrediction scores, ref float value) => value = scores.Values[0]),
    ];

    public override string MetricName => "R²";

    protected override int OutputSize => 1;

    public override IReadOnlyList<string> ExplainedNames => [ScoreColumnName];

    public override IReadOnlyList<int> ExplainedOf(Prediction prediction) => [0];

    /// <summary>In the label's unit, without the mean.</summary>
    public override Tensor Evidence(Tensor outputs, int explained) => outputs.select(1, 0).Times(TargetDeviation);

    public override PromptTask ForTargets(ExampleSet training)
    {
        var mean = training.Examples.Average(e => (double)TargetOf(e));
        var deviation = Math.Sqrt(training.Examples.Average(e => Square(TargetOf(e) - mean)));
        if (ExceedsSingle(mean, deviation))
            throw new InvalidOperationException(FormattableString.Invariant(
                $"Label column '{LabelColumnName}' has values about {mean:G3} with a deviation of {deviation:G3}: ")
                + FormattableString.Invariant($"predictions would exceed what a Single holds, {float.MaxValue:G3}. ")
                + "Divide the label by a constant, and multiply the score by it.");
        return deviation > 0
            ? this with { TargetMean = mean, TargetDeviation = deviation }
            : throw new InvalidOperationException(FormattableString.Invariant(
                $"All {training.Examples.Count} training rows have the value {mean} in label column '{LabelColumnName}'. ")
                + "Nothing can be learned from it; check the column.");
    }

    public override Tensor Loss(Tensor outputs, IReadOnlyList<ExamplePart> parts)
    {
        var targets = tensor([.. parts.Select(p => (float)((p.Target[0] - TargetMean) / TargetDeviation))]).ToDevice(outputs.device); // [B]
        return nn.functional.mse_loss(outputs.squeeze(1), targets, nn.Reduction.Sum);
    }

    public override Prediction Decode(Example example, IReadOnlyList<float[]> outputs) =>
        new ScorePrediction([(float)(outputs[0][0] * TargetDeviation + TargetMean)]);

    public override double Measure(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples)
    {
        var mean = examples.Average(e => (double)TargetOf(e));
        var variance = examples.Sum(e => Square(TargetOf(e) - mean));
        return variance == 0 ? 0 : 1 - predictions.Zip(examples).Sum(pair => Square(ValueOf(pair.First) - TargetOf(pair.Second))) / variance;
    }

    /// <summary>The variance of the standardised targets.</summary>
    public override double? GuessingLoss(IReadOnlyList<Example> examples) =>
        examples.Average(example => Math.Pow((example.Parts[0].Target[0] - TargetMean) / TargetDeviation, 2));

    public override string? FindCollapse(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples)
    {
        var spread = (predictions.Max(ValueOf) - predictions.Min(ValueOf)) / TargetDeviation;
        return examples.Count > 1 && spread < 0.01
            ? FormattableString.Invariant($"The model predicts about {ValueOf(predictions[0])} for every row: training has collapsed onto the mean. ")
                + "Lower the learning rate (try a fifth of it), or train longer."
            : null;
    }

    protected override void CheckRead()
    {
        base.CheckRead();
        if (!double.IsFinite(TargetMean) || !(TargetDeviation > 0 && double.IsFinite(TargetDeviation)))
            throw new JsonException(FormattableString.Invariant(
                $"The task's targetMean is {TargetMean} and its targetDeviation {TargetDeviation}; expected finite numbers, the second above 0."));
        if (ExceedsSingle(TargetMean, TargetDeviation))
            throw new JsonException(FormattableString.Invariant(
                $"The task's targetMean is {TargetMean} and its targetDeviation {TargetDeviation}: ")
                + FormattableString.Invariant($"predictions would exceed what a Single holds, {float.MaxValue:G3}."));
    }

    protected override Func<float[]?> OpenTarget(DataViewRow row)
    {
        var getter = OpenColumn<float>(row, LabelColumnName);
        return () =>
        {
            var value = float.NaN;
            getter(ref value);
            if (float.IsInfinity(value))
                throw new InvalidOperationException(
                    $"Label column '{LabelColumnName}' has an infinite value. Expected finite numbers, or NaN for a missing label; correct or drop such rows.");
            return float.IsNaN(value) ? null : [value];
        };
    }

    private static bool ExceedsSingle(double mean, double deviation) => Math.Abs(mean) + 10 * deviation > float.MaxValue;

    private static float ValueOf(Prediction prediction) => ((ScorePrediction)prediction).Values[0];

    private static double TargetOf(Example example) => example.Parts[0].Target[0];

    private static double Square(double x) => x * x;
}
