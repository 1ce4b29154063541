using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Training;

/// <summary>Rules that find what looks wrong with a training. A healthy training triggers none.</summary>
internal static class TrainingFaults
{
    /// <summary>Fewer rows say nothing about the choice of a column.</summary>
    private const int FewRows = 10;

    /// <summary>After this many steps, more steps alone would not help.</summary>
    private const int FewSteps = 100;

    /// <summary>Faults of the rows, before they are learned.</summary>
    public static IReadOnlyList<TrainingWarning> OfRows(PromptTask task, ExampleSet training, TextTokenizer tokenizer)
    {
        var warnings = new List<TrainingWarning>();
        var rows = training.Examples.Count;
        var special = task.FixedTokens(tokenizer);
        var empty = training.Examples.Count(example => example.Parts.All(part => part.Sequences.All(row => row.Ids.All(special.Contains))));
        if (2 * empty >= rows)
            warnings.Add(new(
                TrainingWarningCode.EmptyTexts,
                $"{empty} of {rows} training rows have no text in {string.Join(" and ", task.Inputs.Select(input => $"column '{input.Name}'"))}. "
                + "Check the column's name, and the separator that the file was read with."));

        if (rows >= FewRows && task.CountClasses(training.Examples) is { } classes && 2 * classes > rows)
            warnings.Add(new(
                TrainingWarningCode.ClassPerRow,
                $"The {rows} training rows are of {classes} classes, most with one row each: a class needs several. Check that label column "
                + $"'{task.LabelColumns[0].Name}' is the label and not an id or a text, and the separator that the file was read with."));
        return warnings;
    }

    /// <summary>Little learned in few steps.</summary>
    /// <param name="epochs">Epochs that made the steps.</param>
    public static TrainingWarning? OfFewSteps(PromptTask task, ExampleSet training, EpochSummary best, int steps, int epochs)
    {
        var guessing = task.Baseline(training.Examples);
        var reached = Math.Max(best.Metric, best.ValidationMetric ?? best.Metric);
        if (double.IsNaN(reached) || steps >= FewSteps || reached - guessing >= (1 - guessing) / 2)
            return null;

        var more = (int)Math.Ceiling(2.0 * FewSteps * epochs / steps);
        return new(TrainingWarningCode.HardlyLearned, FormattableString.Invariant(
            $"The model has hardly learned: {task.MetricName} {reached:F2}, where guessing reaches {guessing:F2}, after {steps} steps. ")
            + $"Raise MaxEpochs (to {more}, for {2 * FewSteps} steps) or the LearningRate, or train on more rows.");
    }
}
