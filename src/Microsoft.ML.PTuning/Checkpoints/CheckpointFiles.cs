namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>The files that an encoder's weights are read from.</summary>
/// <param name="Directory">The encoder's folder.</param>
/// <param name="Names">The names of all files that are read, from that folder; an index first.</param>
internal sealed record CheckpointFiles(string Directory, IReadOnlyList<string> Names, CheckpointFormat Format)
{
    /// <returns>The files of the first format in the folder, which a load would read; null if there are none.</returns>
    /// <exception cref="InvalidDataException">They are named by a file that is damaged.</exception>
    public static CheckpointFiles? TryFind(string directory)
    {
        if (CheckpointFormats.All.FirstOrDefault(format => File.Exists(Path.Combine(directory, format.FileName))) is not { } format)
            return null;

        var folder = format.FileName[..(format.FileName.LastIndexOf('/') + 1)];
        var others = format.Others(Path.Combine(directory, format.FileName)).Select(name => folder + name);
        return new(directory, [.. others.Prepend(format.FileName).Distinct()], format);
    }

    /// <inheritdoc cref="TryFind"/>
    /// <exception cref="FileNotFoundException">There are none.</exception>
    public static CheckpointFiles Find(string directory)
    {
        if (TryFind(directory) is { } files)
            return files;

        string[] expected = [.. CheckpointFormats.All.Select(format => format.FileName)];
        throw new FileNotFoundException(
            $"'{directory}' holds no weights; expected {string.Join(", ", expected[..^1])} or {expected[^1]}; "
            + $"it holds: {string.Join(", ", FilesIn(directory, expected).Order(StringComparer.Ordinal))}. "
            + "Fetch the checkpoint's safetensors version, or save it with transformers' save_pretrained; "
            + "of several ONNX files, call the one that is meant model.onnx.", Path.Combine(directory, expected[0]));
    }

    /// <summary>Opens them for reading.</summary>
    /// <exception cref="InvalidDataException">They are damaged or do not agree.</exception>
    public ICheckpoint Open() => Format.Open(Path.Combine(Directory, Format.FileName));

    /// <summary>What is in the encoder's folder, and in those below it where weights are looked for.</summary>
    private static IEnumerable<string> FilesIn(string directory, IEnumerable<string> expected) => expected
        .Select(name => name[..(name.LastIndexOf('/') + 1)]).Distinct()
        .Where(folder => System.IO.Directory.Exists(Path.Combine(directory, folder)))
        .SelectMany(folder => System.IO.Directory.EnumerateFiles(Path.Combine(directory, folder)).Select(path => folder + Path.GetFileName(path)));
}
