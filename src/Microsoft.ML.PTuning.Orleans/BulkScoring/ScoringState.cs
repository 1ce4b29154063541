namespace Microsoft.ML.PTuning.Orleans;

/// <summary>What becomes of a <see cref="ScoringJob"/>.</summary>
public enum ScoringState
{
    /// <summary>The files are read to divide them into ranges.</summary>
    Planning = 0,

    /// <summary>Ranges are scored.</summary>
    Running = 1,

    /// <summary>No further range is begun until the job is resumed.</summary>
    Paused = 2,

    /// <summary>All ranges are scored; their parts are merged.</summary>
    Merging = 3,

    /// <summary>All is written.</summary>
    Completed = 4,

    /// <summary>It ended with an error. Resume it when the reason is removed; what is written stays.</summary>
    Failed = 5,

    /// <summary>It was cancelled; what is written stays.</summary>
    Cancelled = 6,
}
