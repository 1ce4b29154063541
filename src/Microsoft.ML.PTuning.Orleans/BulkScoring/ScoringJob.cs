using Microsoft.ML.PTuning.Serving;

namespace Microsoft.ML.PTuning.Orleans;

/// <summary>Files to score with a model.</summary>
/// <remarks>All paths are full ones, and mean the same files to every silo.</remarks>
/// <example>
/// <code>
/// var job = new ScoringJob
/// {
///     Model = "queue",
///     Inputs = ["/data/tickets-2025.parquet", "/data/tickets-2026.parquet"],
///     OutputDirectory = "/data/routed",
///     MergedFile = "/data/routed.parquet",
/// };
/// </code>
/// </example>
[GenerateSerializer]
[Immutable]
public sealed record ScoringJob
{
    /// <summary>
    /// The job's name: letters, digits, <c>-</c>, <c>_</c> and dots. Null for a new one. A job that was started under a name is not started again.
    /// </summary>
    [Id(0)]
    public string? Id { get; init; }

    /// <summary>The model's name: its file in <see cref="PTuningModelsOptions.ModelsDirectory"/>, without <c>.zip</c>.</summary>
    [Id(1)]
    public required string Model { get; init; }

    /// <summary>
    /// The files, or folders of files, which are read in the order of their names: CSV, TSV, JSON lines (<c>.jsonl</c>, <c>.ndjson</c>) or Parquet, all of
    /// the same format and with the same columns. Text is UTF-8. CSV has a header.
    /// </summary>
    [Id(2)]
    public required IReadOnlyList<string> Inputs { get; init; }

    /// <summary>The folder for the parts, a file per range: <c>part-00000.csv</c> and so on. It is created, or must be empty.</summary>
    [Id(3)]
    public required string OutputDirectory { get; init; }

    /// <summary>The file into which the parts are merged in their order at the end; they are deleted then. Null to keep the parts.</summary>
    [Id(4)]
    public string? MergedFile { get; init; }

    /// <summary><c>csv</c>, <c>tsv</c>, <c>jsonl</c> or <c>parquet</c>; null for the format of the inputs.</summary>
    [Id(5)]
    public string? OutputFormat { get; init; }

    /// <summary>The files' columns for those that the model reads, in its order; none where they have the same names.</summary>
    [Id(6)]
    public IReadOnlyList<string> TextColumns { get; init; } = [];

    /// <summary>Whether the files' own columns are left out.</summary>
    [Id(7)]
    public bool OnlyPredictions { get; init; }

    /// <summary>Whether a row that cannot be read ends the job; else it is reported and left out.</summary>
    [Id(8)]
    public bool StopsAtBrokenRow { get; init; }

    /// <summary>
    /// How many rows are scored and written as a whole. What a silo that dies has not written yet is scored again. The last digits of scores depend on it,
    /// because rows of a range share batches.
    /// </summary>
    [Id(9)]
    public int RowsPerRange { get; init; } = 10_000;

    // A collection expression may be of a type that only its compiler knows.
    internal ScoringJob WithArrays() => this with { Inputs = Inputs.ToArray(), TextColumns = TextColumns.ToArray() };

    internal void Check()
    {
        ArgumentException.ThrowIfNullOrEmpty(Model);
        if (Inputs.Count == 0)
            throw new ArgumentException("The job has no file to score. Name one at least in Inputs.");
        foreach (var path in Inputs.Append(OutputDirectory).Append(MergedFile ?? OutputDirectory))
            if (!Path.IsPathFullyQualified(path))
                throw new ArgumentException($"Expected full paths, which mean the same to every silo; found '{path}'.");
        if (RowsPerRange < 1)
            throw new ArgumentOutOfRangeException(nameof(RowsPerRange), RowsPerRange, $"{nameof(RowsPerRange)} must be 1 or more.");
    }
}
