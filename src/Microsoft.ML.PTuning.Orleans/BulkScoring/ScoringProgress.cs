namespace Microsoft.ML.PTuning.Orleans;

/// <summary>Where a <see cref="ScoringJob"/> stands.</summary>
[GenerateSerializer]
[Immutable]
public sealed record ScoringProgress
{
    internal ScoringProgress()
    {
    }

    /// <summary>The job's name.</summary>
    [Id(0)]
    public required string Id { get; init; }

    /// <summary>What it does, or how it ended.</summary>
    [Id(1)]
    public required ScoringState State { get; init; }

    /// <summary>Ranges whose part is written.</summary>
    [Id(2)]
    public required int RangesDone { get; init; }

    /// <summary>Ranges in all; 0 while the job is planned.</summary>
    [Id(3)]
    public required int Ranges { get; init; }

    /// <summary>Rows of the ranges that are done, broken ones included.</summary>
    [Id(4)]
    public required long RowsDone { get; init; }

    /// <summary>Rows in all, broken ones included; 0 while the job is planned.</summary>
    [Id(5)]
    public required long Rows { get; init; }

    /// <summary>Rows of the ranges that are done which could not be read and were left out.</summary>
    [Id(6)]
    public required long BrokenRows { get; init; }

    /// <summary>
    /// The lines of these rows and what is wrong with each: lines of JSON with <c>file</c>, <c>line</c> and <c>reason</c>. Null before the job is
    /// completed, and if no row was broken.
    /// </summary>
    [Id(7)]
    public string? BrokenRowsFile { get; init; }

    /// <summary>Why it failed; null if it did not.</summary>
    [Id(8)]
    public string? Error { get; init; }
}
