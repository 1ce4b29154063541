namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>A format of weights.</summary>
/// <param name="FileName">The file's name from the encoder's folder.</param>
/// <param name="Open">Opens that file, by its path, and those that it names.</param>
/// <param name="Others">The files that it names, from its own folder.</param>
internal sealed record CheckpointFormat(string FileName, Func<string, ICheckpoint> Open, Func<string, IReadOnlyCollection<string>> Others)
{
    /// <summary>A format of single files, and of several that an index file names.</summary>
    public static IReadOnlyList<CheckpointFormat> WithShards(string fileName, Func<string, ICheckpoint> open) =>
    [
        new(fileName, open, _ => []),
        new($"{fileName}.index.json", path => ShardedCheckpoint.Open(CheckpointIndex.Read(path), open), path => CheckpointIndex.Read(path).Shards),
    ];
}

/// <summary>The supported formats, in the order of search. Each format is one file and one line here.</summary>
internal static class CheckpointFormats
{
    public static IReadOnlyList<CheckpointFormat> All { get; } =
    [
        .. SafetensorsFile.Formats,
        .. TorchFile.Formats,
        .. OnnxFile.Formats,
        TorchFile.TrainingState,
    ];
}
