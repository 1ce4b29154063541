namespace Microsoft.ML.PTuning.Backbones.Checkpoints;

/// <summary>The files that an encoder's weights are read from.</summary>
/// <param name="Directory">The encoder's folder.</param>
/// <param name="Names">All that are read, an index first.</param>
internal sealed record CheckpointFiles(string Directory, IReadOnlyList<string> Names)
{
    private const string Safetensors = "model.safetensors", Torch = "pytorch_model.bin", Index = ".index.json";

    /// <summary>What is looked for: the first that is there is read, and none besides.</summary>
    private static readonly string[] Formats = [Safetensors, Safetensors + Index, Torch, Torch + Index];

    /// <returns>The files that a load would read; null where there are none.</returns>
    /// <exception cref="InvalidDataException">They are named by an index that is damaged.</exception>
    public static CheckpointFiles? TryFind(string directory)
    {
        var first = Array.Find(Formats, name => File.Exists(Path.Combine(directory, name)));
        if (first is null)
            return null;

        string[] shards = IsIndex(first) ? [.. CheckpointIndex.Read(Path.Combine(directory, first)).Shards] : [];
        return new(directory, [first, .. shards]);
    }

    /// <inheritdoc cref="TryFind"/>
    /// <exception cref="FileNotFoundException">There are none.</exception>
    public static CheckpointFiles Find(string directory)
    {
        if (TryFind(directory) is { } files)
            return files;

        var others = System.IO.Directory.EnumerateFiles(directory).Select(Path.GetFileName).Order(StringComparer.Ordinal);
        throw new FileNotFoundException(
            $"'{directory}' holds no weights; expected {string.Join(", ", Formats[..^1])} or {Formats[^1]}; it holds: {string.Join(", ", others)}. "
            + "Fetch the checkpoint's safetensors version, or save it with transformers' save_pretrained.", Path.Combine(directory, Safetensors));
    }

    /// <summary>Opens them for reading.</summary>
    /// <exception cref="InvalidDataException">They are damaged or do not agree.</exception>
    public ICheckpoint Open()
    {
        var first = Path.Combine(Directory, Names[0]);
        Func<string, ICheckpoint> open = Names[0].StartsWith(Torch, StringComparison.Ordinal) ? TorchFile.Open : SafetensorsFile.Open;
        return IsIndex(first) ? ShardedCheckpoint.Open(CheckpointIndex.Read(first), open) : open(first);
    }

    private static bool IsIndex(string name) => name.EndsWith(Index, StringComparison.Ordinal);
}
