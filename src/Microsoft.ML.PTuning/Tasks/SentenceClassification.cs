using Microsoft.ML.PTuning.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A class for a text or a pair of texts: cross-entropy over the head's logits. Targets are class indices from 0.</summary>
internal abstract record SentenceClassification : SentenceTask
{
    public required string PredictedLabelColumnName { get; init; }

    public override string MetricName => "accuracy";

    public override PromptTask ForTargets(ExampleSet training) =>
        training.Examples.Select(ClassOf).Distinct().Skip(1).Any()
            ? this
            : throw new InvalidOperationException(
                $"All {training.Examples.Count} training rows have the same value in label column '{LabelColumnName}', "
                + $"{ClassName(ClassOf(training.Examples[0]))}. "
                + "Nothing can be learned from one class; check how the rows were chosen.");

    public override Tensor Loss(Tensor outputs, IReadOnlyList<ExamplePart> parts)
    {
        var classes = tensor([.. parts.Select(p => (long)p.Target[0])]).ToDevice(outputs.device); // [B]
        return nn.functional.cross_entropy(outputs, classes, reduction: nn.Reduction.Sum);
    }

    public override double Measure(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples) =>
        predictions.Zip(examples).Average(pair => Predict(pair.First) == ClassOf(pair.Second) ? 1.0 : 0.0);

    public override double Baseline(IReadOnlyList<Example> examples) =>
        (double)examples.GroupBy(ClassOf).Max(rows => rows.Count()) / examples.Count;

    public override int? CountClasses(IReadOnlyList<Example> examples) => examples.Select(ClassOf).Distinct().Count();

    /// <summary>Finds a model that predicts one class for every row, the most frequent failure of prompt tuning.</summary>
    public override string? FindCollapse(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples)
    {
        var predicted = predictions.Select(Predict).Distinct().Take(2).ToArray();
        return predicted.Length == 1 && examples.Select(ClassOf).Distinct().Skip(1).Any()
            ? $"The model predicts {ClassName(predicted[0])} for every row: training has collapsed onto one class. "
                + "Lower the learning rate (try a fifth of it), or train longer."
            : null;
    }

    /// <summary>The class that scores stand for.</summary>
    protected abstract int Predict(float[] scores);

    protected abstract string ClassName(int index);

    private int Predict(Prediction prediction) => Predict(((ScorePrediction)prediction).Values);

    private static int ClassOf(Example example) => (int)example.Parts[0].Target[0];
}
