namespace Microsoft.ML.PTuning.Benchmarks;

/// <summary>What a row's number says.</summary>
internal enum RatioKind
{
    /// <summary>How many times as fast the first thing is as the second; more is better.</summary>
    SpeedUp,

    /// <summary>How many times as long the first thing takes as the second; less is better.</summary>
    Time,

    /// <summary>What part the first thing is of the second.</summary>
    Share,

    /// <summary>How many times as much memory the first thing takes as the second; less is better.</summary>
    Memory,

    /// <summary>How many times as many bytes the first thing's file has as the second's; less is better.</summary>
    Size,

    /// <summary>Seconds; less is better.</summary>
    Seconds,
}
