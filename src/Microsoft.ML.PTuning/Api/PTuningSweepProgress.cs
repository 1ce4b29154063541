namespace Microsoft.ML.PTuning;

/// <summary>Where a <see cref="PTuningSweep{TOptions}"/> stands, reported after every trial.</summary>
/// <typeparam name="TOptions">The options of the task.</typeparam>
public sealed class PTuningSweepProgress<TOptions>
    where TOptions : PTuningV2Trainer.Options
{
    internal PTuningSweepProgress()
    {
    }

    /// <summary>Trials done, those of the results file among them.</summary>
    public required int Done { get; init; }

    /// <summary>Trials in all.</summary>
    public required int Total { get; init; }

    /// <summary>The trial that has ended.</summary>
    public required PTuningSweepTrial<TOptions> Trial { get; init; }

    /// <summary>The best trial so far, in successive halving of this round; null if all failed.</summary>
    public required PTuningSweepTrial<TOptions>? Best { get; init; }

    /// <summary>Estimate for the trials to come: by the epochs in successive halving, else all alike. Null before the first one was trained.</summary>
    public required TimeSpan? TimeLeft { get; init; }
}
