namespace Microsoft.ML.PTuning;

/// <summary>What a <see cref="PTuningSweep{TOptions}"/> found.</summary>
/// <typeparam name="TOptions">The options of the task.</typeparam>
public sealed class PTuningSweepResult<TOptions>
    where TOptions : PTuningV2Trainer.Options
{
    internal PTuningSweepResult()
    {
    }

    /// <summary>The best trial; of equal ones the first. In successive halving it is one of the last round.</summary>
    /// <remarks>Its metric is the best of many on the same rows, so new rows will do worse. Measure the final model on rows that no trial saw.</remarks>
    public required PTuningSweepTrial<TOptions> Best { get; init; }

    /// <summary>All trials, in the order of the search; the failed ones are among them.</summary>
    public required IReadOnlyList<PTuningSweepTrial<TOptions>> Trials { get; init; }
}
