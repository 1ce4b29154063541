namespace Microsoft.ML.PTuning;

/// <summary>A task of a <see cref="PTuningV2MultiTaskTrainer"/> and its rows.</summary>
/// <param name="trainer">
/// What to learn: its columns and its <c>MaxLength</c> count. How to learn it, the encoder and the prefix are the multi-task trainer's options;
/// the trainer's own encoder and prefix are the same, or left at their defaults.
/// </param>
/// <param name="training">The rows to learn from.</param>
/// <param name="validation">The rows that judge every epoch; null for the trainer's <c>ValidationSet</c>, and where it has none, for none.</param>
public sealed class MultiTaskData(PTuningV2Trainer trainer, IDataView training, IDataView? validation = null)
{
    /// <summary>What to learn.</summary>
    public PTuningV2Trainer Trainer { get; } = trainer ?? throw new ArgumentNullException(nameof(trainer));

    /// <summary>The rows to learn from.</summary>
    public IDataView Training { get; } = training ?? throw new ArgumentNullException(nameof(training));

    /// <summary>The rows that judge every epoch; null for none.</summary>
    public IDataView? Validation { get; } = validation ?? trainer.Chosen.ValidationSet;
}
