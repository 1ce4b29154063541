using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning;

/// <summary>A task of a <see cref="PTuningV2MultiTaskTrainer"/> and its rows.</summary>
public sealed class PTuningV2MultiTaskData
{
    /// <summary>Creates a task of a <see cref="PTuningV2MultiTaskTrainer"/>.</summary>
    /// <param name="task">
    /// What to learn: the columns, <c>MaxLength</c>, <c>ValidationSet</c> and the like. Encoder, prefix and training are options of the multi-task
    /// trainer and must not be set here.
    /// </param>
    /// <param name="training">The rows to learn from.</param>
    /// <exception cref="ArgumentException">
    /// An option of all tasks (any of <see cref="TrainingOptions"/>) is set, even to its default; <c>InitialModel</c> is set; a column has no name; or
    /// an output column has the name of another column.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <example>
    /// <code>
    /// var options = new PTuningV2Trainer.BinaryOptions { Sentence1ColumnName = "Text", ValidationSet = validation };
    /// var urgent = new PTuningV2MultiTaskData(options, tickets); // Text: text; Label: Boolean.
    /// </code>
    /// </example>
    public PTuningV2MultiTaskData(PTuningV2Trainer.Options task, IDataView training)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(training);
        RefuseSharedOptions(task);
        task.Check();
        (Task, Training, Validation) = (task.ToTask(), training, task.ValidationSet);
        Task.CheckNames();
    }

    /// <summary>What to learn.</summary>
    internal PromptTask Task { get; }

    /// <summary>The rows to learn from.</summary>
    internal IDataView Training { get; }

    /// <summary>The rows that judge every epoch; null for none.</summary>
    internal IDataView? Validation { get; }

    private static void RefuseSharedOptions(PTuningV2Trainer.Options task)
    {
        string[] shared = [.. task.ChosenNames];
        if (shared.Length > 0)
            throw new ArgumentException(
                $"A task's options set {string.Join(", ", shared)}, which would be ignored: encoder, prefix and training are the same for all tasks. "
                + $"Set them in {nameof(PTuningV2MultiTaskTrainer)}.{nameof(PTuningV2MultiTaskTrainer.Options)}, and not in the task's.", nameof(task));
        if (task.InitialModel is not null)
            throw new ArgumentException("A task's options have an InitialModel, but the tasks share one new prefix. Leave it null.", nameof(task));
    }
}
