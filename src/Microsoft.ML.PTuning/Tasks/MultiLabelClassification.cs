using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>Any number of classes for a text or a pair of texts, each decided by itself (binary cross-entropy). Outputs: a probability per class.</summary>
/// <remarks>The label is a vector of texts, the classes that a row has, or a vector of Booleans, one per class. Targets are 0 or 1 per class.</remarks>
internal sealed record MultiLabelClassification : SentenceTask
{
    /// <summary>Rows between two checks for cancellation.</summary>
    private const int RowsBetweenChecks = 256;

    public required string PredictedLabelColumnName { get; init; }

    /// <summary>Classes of this probability or more are predicted; above 0 and below 1.</summary>
    public double Threshold { get; init; } = 0.5;

    /// <summary>Whether label and predictions are names of classes; otherwise they are a Boolean per class.</summary>
    public bool HasTexts { get; init; }

    /// <summary>The classes, once the label is known.</summary>
    public LabelValues? Labels { get; init; }

    public override string ScoreColumnKind => "MultiLabelClassification";

    public override IReadOnlyList<InputColumn> LabelColumns =>
    [
        new(LabelColumnName, "label", [ColumnForm.Texts, new(BooleanDataViewType.Instance, IsVector: true)],
            "Give the names of a row's classes as a vector of texts, or a Boolean per class. For one class per row use PTuningV2."),
    ];

    public override LabelValues? Classes => Labels;

    public override DataViewType ClassType => TextDataViewType.Instance;

    public override IReadOnlyList<OutputColumn> Outputs =>
    [
        HasTexts
            ? new OutputColumn<ScorePrediction, VBuffer<ReadOnlyMemory<char>>>(
                PredictedLabelColumnName, TextDataViewType.Instance, ColumnSize.PerRow, IsKey: false, ScoreAnnotations.PredictedLabel,
                LabelAnnotation.None, (ScorePrediction scores, ref VBuffer<ReadOnlyMemory<char>> value) =>
                    Predicted(scores).Select(index => Labels!.Values![index].AsMemory()).ToArray().CopyTo(ref value))
            : new OutputColumn<ScorePrediction, VBuffer<bool>>(
                PredictedLabelColumnName, BooleanDataViewType.Instance, ColumnSize.PerClass, IsKey: false, ScoreAnnotations.PredictedLabel,
                LabelAnnotation.SlotNames, (ScorePrediction scores, ref VBuffer<bool> value) =>
                    Array.ConvertAll(scores.Values, IsPredicted).CopyTo(ref value)),
        new OutputColumn<ScorePrediction, VBuffer<float>>(
            ScoreColumnName, NumberDataViewType.Single, ColumnSize.PerClass, IsKey: false, ScoreAnnotations.Score,
            LabelAnnotation.SlotNames, (ScorePrediction scores, ref VBuffer<float> value) => scores.Values.CopyTo(ref value)),
    ];

    public override string MetricName => "micro F1";

    protected override int OutputSize => Labels!.Count;

    public override IReadOnlyList<string> ExplainedNames => Labels!.Values!;

    /// <summary>The predicted classes; the most probable one if there is none.</summary>
    public override IReadOnlyList<int> ExplainedOf(Prediction prediction) =>
        Predicted((ScorePrediction)prediction).DefaultIfEmpty(ScorePrediction.ArgMax(((ScorePrediction)prediction).Values)).ToArray();

    public override Tensor Evidence(Tensor outputs, int explained) => outputs.select(1, explained);

    public override PromptTask ForLabel(DataViewType itemType) => this with { HasTexts = itemType is TextDataViewType };

    public override PromptTask ForData(IDataView data, Action checkCancelled)
    {
        var label = data.Schema[LabelColumnName];
        var type = (VectorDataViewType)label.Type;
        var names = type.ItemType is TextDataViewType ? ReadNames(data, label, checkCancelled) : NamesOfSlots(label, type);
        LabelValues.RefuseBrokenText(names, LabelColumnName);
        return ((MultiLabelClassification)ForLabel(type.ItemType)) with { Labels = new LabelValues(names.Count, "Text", names) };
    }

    /// <remarks>Texts that no training row has belong to no class, also in the validation set.</remarks>
    public override void CheckValidation(IDataView data)
    {
        var type = (VectorDataViewType)data.Schema[LabelColumnName].Type;
        if (type.ItemType is TextDataViewType != HasTexts || (!HasTexts && type.Size != Labels!.Count))
            throw new InvalidOperationException(
                $"Label column '{LabelColumnName}' of the validation set is {type}, but that of the training set "
                + $"{(HasTexts ? "a vector of texts" : $"a vector of {Labels!.Count} Booleans")}. Make both in the same way.");
    }

    public override PromptTask ForTargets(ExampleSet training) =>
        training.Examples.Skip(1).Any(example => !TargetOf(example).SequenceEqual(TargetOf(training.Examples[0])))
            ? this
            : throw new InvalidOperationException(
                $"All {training.Examples.Count} training rows have the same classes in label column '{LabelColumnName}'. "
                + "Nothing can be learned from it; check how the rows were chosen.");

    public override Tensor Loss(Tensor outputs, IReadOnlyList<ExamplePart> parts)
    {
        var targets = tensor([.. parts.SelectMany(part => part.Target)], [parts.Count, OutputSize]).ToDevice(outputs.device).to(outputs.dtype); // [B, K]
        return nn.functional.binary_cross_entropy_with_logits(outputs, targets, reduction: nn.Reduction.Sum);
    }

    /// <summary>A term per row and class.</summary>
    public override double LossWeight(IReadOnlyList<ExamplePart> parts) => (double)parts.Count * OutputSize;

    public override Prediction Decode(Example example, IReadOnlyList<float[]> outputs) =>
        new ScorePrediction(Array.ConvertAll(outputs[0], logit => 1 / (1 + MathF.Exp(-logit))));

    public override double Measure(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples) =>
        MicroF1(examples, predictions.Select(prediction => Array.ConvertAll(((ScorePrediction)prediction).Values, IsPredicted)));

    /// <summary>The classes that most rows have, for every row.</summary>
    public override double Baseline(IReadOnlyList<Example> examples)
    {
        bool[] usual = [.. Enumerable.Range(0, OutputSize).Select(index => 2 * examples.Count(example => TargetOf(example)[index] > 0) > examples.Count)];
        return MicroF1(examples, Enumerable.Repeat(usual, examples.Count));
    }

    public override double? GuessingLoss(IReadOnlyList<Example> examples) =>
        Enumerable.Range(0, OutputSize).Average(index => Entropy(examples.Select(example => TargetOf(example)[index] > 0)));

    public override string? FindCollapse(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples)
    {
        int[][] predicted = [.. predictions.Select(prediction => Predicted((ScorePrediction)prediction).ToArray())];
        return predicted.Skip(1).All(row => row.SequenceEqual(predicted[0]))
            && examples.Skip(1).Any(example => !TargetOf(example).SequenceEqual(TargetOf(examples[0])))
            ? $"The model predicts {(predicted[0].Length == 0 ? "no class" : "the same classes")} for every row: training has collapsed. "
                + "Train longer (MaxEpochs), change the learning rate (try a fifth of it), or lower the Threshold where classes are rare."
            : null;
    }

    protected override void CheckRead()
    {
        base.CheckRead();
        if (Labels is not { Count: > 0, Values: not null })
            throw new JsonException("The task has no classes, or they have no names.");
        if (!(Threshold is > 0 and < 1))
            throw new JsonException(FormattableString.Invariant($"The task's threshold is {Threshold}; expected a number above 0 and below 1."));
    }

    protected override Func<float[]?> OpenTarget(DataViewRow row)
    {
        if (!HasTexts)
        {
            var getter = OpenColumn<VBuffer<bool>>(row, LabelColumnName);
            VBuffer<bool> values = default;
            return () =>
            {
                getter(ref values);
                return [.. values.DenseValues().Select(value => value ? 1f : 0f)];
            };
        }

        var names = OpenTexts(row, LabelColumnName);
        return () =>
        {
            var target = new float[OutputSize];
            foreach (var index in names().Select(Labels!.IndexOf).Where(index => index >= 0))
                target[index] = 1;
            return target;
        };
    }

    private static float[] TargetOf(Example example) => example.Parts[0].Target;

    private static double MicroF1(IEnumerable<Example> examples, IEnumerable<bool[]> predictions)
    {
        var (both, labelled, predicted) = (0, 0, 0);
        foreach (var (example, row) in examples.Zip(predictions))
        {
            for (var index = 0; index < row.Length; index++)
            {
                var isLabelled = TargetOf(example)[index] > 0;
                both += isLabelled && row[index] ? 1 : 0;
                labelled += isLabelled ? 1 : 0;
                predicted += row[index] ? 1 : 0;
            }
        }
        return labelled + predicted == 0 ? 0 : 2.0 * both / (labelled + predicted);
    }

    private bool IsPredicted(float probability) => probability >= Threshold;

    private IEnumerable<int> Predicted(ScorePrediction scores) =>
        Enumerable.Range(0, scores.Values.Length).Where(index => IsPredicted(scores.Values[index]));

    private List<string> ReadNames(IDataView data, DataViewSchema.Column label, Action checkCancelled)
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        using var cursor = data.GetRowCursor([label]);
        var read = OpenTexts(cursor, LabelColumnName);
        while (cursor.MoveNext())
        {
            if (cursor.Position % RowsBetweenChecks == 0)
                checkCancelled();
            names.UnionWith(read().Where(name => name.Length > 0));
        }
        return names.Count is > 0 and <= LabelValues.MostClasses
            ? [.. names]
            : throw new InvalidOperationException(FormattableString.Invariant(
                $"The training rows have {names.Count:N0} different classes in label column '{LabelColumnName}', expected 1 to {LabelValues.MostClasses:N0}. ")
                + "Check the column.");
    }

    private static List<string> NamesOfSlots(DataViewSchema.Column label, VectorDataViewType type)
    {
        if (type.Size is 0 or > LabelValues.MostClasses)
            throw new ArgumentOutOfRangeException(label.Name,
                $"Label column '{label.Name}' is {type}: expected a vector of known size, a Boolean per class ([VectorType(5)] for 5 classes).");

        return ScoreAnnotations.SlotNamesOf(label) is { } names
            ? [.. names]
            : [.. Enumerable.Range(0, type.Size).Select(index => FormattableString.Invariant($"{index}"))];
    }
}
