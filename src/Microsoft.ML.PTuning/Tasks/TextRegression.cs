using System.Text.Json;
using Microsoft.ML.Data;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A number for a text or a pair of texts. Output: that number.</summary>
/// <remarks>The head learns standardised targets, so that labels of any scale train alike; outputs are in the label's own unit again.</remarks>
internal sealed record TextRegression : SentenceTask
{
    /// <summary>Mean of the training labels.</summary>
    public double TargetMean { get; init; }

    /// <summary>Standard deviation of the training labels.</summary>
    public double TargetDeviation { get; init; } = 1;

    public override string ScoreColumnKind => "Regression";

    public override InputColumn Label =>
        new(LabelColumnName, "label", NumberDataViewType.Single, IsKey: false, "Convert it to Single (Transforms.Conversion.ConvertType).");

    public override IReadOnlyList<OutputColumn> Outputs =>
    [
        new OutputColumn<float>(
            ScoreColumnName, NumberDataViewType.Single, IsVector: false, IsKey: false, ScoreAnnotations.Score,
            LabelAnnotation.None, (float[] score, ref float value) => value = score[0]),
    ];

    public override string MetricName => "R²";

    protected override int OutputSize => 1;

    public override PromptTask ForLabel(DataViewSchema.Column label) => this;

    public override PromptTask ForTargets(ExampleSet training)
    {
        var mean = training.Examples.Average(e => (double)e.Target[0]);
        var deviation = Math.Sqrt(training.Examples.Average(e => Square(e.Target[0] - mean)));
        return deviation > 0
            ? this with { TargetMean = mean, TargetDeviation = deviation }
            : throw new InvalidOperationException(FormattableString.Invariant(
                $"All {training.Examples.Count} training rows have the value {mean} in label column '{LabelColumnName}'. ")
                + "Nothing can be learned from it; check the column.");
    }

    public override Tensor Loss(Tensor outputs, IReadOnlyList<Example> examples)
    {
        var targets = tensor([.. examples.Select(e => (float)((e.Target[0] - TargetMean) / TargetDeviation))], device: outputs.device); // [B]
        return nn.functional.mse_loss(outputs.squeeze(1), targets, nn.Reduction.Sum);
    }

    public override float[] Decode(float[] outputs) => [(float)(outputs[0] * TargetDeviation + TargetMean)];

    public override double Measure(IReadOnlyList<float[]> outputs, IReadOnlyList<Example> examples)
    {
        var mean = examples.Average(e => (double)e.Target[0]);
        var variance = examples.Sum(e => Square(e.Target[0] - mean));
        return variance == 0 ? 0 : 1 - outputs.Zip(examples).Sum(pair => Square(pair.First[0] - pair.Second.Target[0])) / variance;
    }

    public override string? FindCollapse(IReadOnlyList<float[]> outputs, IReadOnlyList<Example> examples)
    {
        var spread = (outputs.Max(o => o[0]) - outputs.Min(o => o[0])) / TargetDeviation;
        return examples.Count > 1 && spread < 0.01
            ? FormattableString.Invariant($"The model predicts about {outputs[0][0]} for every row: training has collapsed onto the mean. ")
                + "Lower the learning rate (try a fifth of it), or train longer."
            : null;
    }

    protected override void CheckRead()
    {
        base.CheckRead();
        if (!double.IsFinite(TargetMean) || !(TargetDeviation > 0 && double.IsFinite(TargetDeviation)))
            throw new JsonException(FormattableString.Invariant(
                $"The task's targetMean is {TargetMean} and its targetDeviation {TargetDeviation}; expected finite numbers, the second above 0."));
    }

    protected override Func<float?> OpenTarget(DataViewRow row)
    {
        var getter = OpenColumn<float>(row, LabelColumnName);
        return () =>
        {
            var value = float.NaN;
            getter(ref value);
            if (float.IsInfinity(value))
                throw new InvalidOperationException(
                    $"Label column '{LabelColumnName}' has an infinite value. Expected finite numbers, or NaN for a missing label; correct or drop such rows.");
            return float.IsNaN(value) ? null : value;
        };
    }

    private static double Square(double x) => x * x;
}
