using Microsoft.ML.PTuning.Checkpoints.Onnx;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>A format that weights come in.</summary>
/// <param name="FileName">The file that is looked for, from the encoder's folder.</param>
/// <param name="Open">Opens that file, by its path, and those that it names.</param>
/// <param name="Others">The files that it names, from its own folder.</param>
internal sealed record CheckpointFormat(string FileName, Func<string, ICheckpoint> Open, Func<string, IReadOnlyCollection<string>> Others);

/// <summary>The files that an encoder's weights are read from.</summary>
/// <param name="Directory">The encoder's folder.</param>
/// <param name="Names">All that are read, from that folder; an index first.</param>
internal sealed record CheckpointFiles(string Directory, IReadOnlyList<string> Names, CheckpointFormat Format)
{
    /// <summary>What is looked for: the first that is there is read, and none besides.</summary>
    private static readonly CheckpointFormat[] Formats =
    [
        .. WithShards("model.safetensors", SafetensorsFile.Open),
        .. WithShards("pytorch_model.bin", TorchFile.Open),
        new("model.onnx", OnnxFile.Open, FilesOfOnnx),
        new("onnx/model.onnx", OnnxFile.Open, FilesOfOnnx),
    ];

    /// <returns>The files that a load would read; null where there are none.</returns>
    /// <exception cref="InvalidDataException">They are named by a file that is damaged.</exception>
    public static CheckpointFiles? TryFind(string directory)
    {
        if (Array.Find(Formats, format => File.Exists(Path.Combine(directory, format.FileName))) is not { } format)
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

        var others = System.IO.Directory.EnumerateFiles(directory).Select(Path.GetFileName).Concat(OnnxIn(directory)).Order(StringComparer.Ordinal);
        throw new FileNotFoundException(
            $"'{directory}' holds no weights; expected {string.Join(", ", Formats[..^1].Select(format => format.FileName))} or {Formats[^1].FileName}; "
            + $"it holds: {string.Join(", ", others)}. Fetch the checkpoint's safetensors version, or save it with transformers' save_pretrained; "
            + "of several ONNX files, call the one that is meant model.onnx.", Path.Combine(directory, Formats[0].FileName));
    }

    /// <summary>Opens them for reading.</summary>
    /// <exception cref="InvalidDataException">They are damaged or do not agree.</exception>
    public ICheckpoint Open() => Format.Open(Path.Combine(Directory, Format.FileName));

    private static IEnumerable<CheckpointFormat> WithShards(string fileName, Func<string, ICheckpoint> open) =>
    [
        new(fileName, open, _ => []),
        new($"{fileName}.index.json", path => ShardedCheckpoint.Open(CheckpointIndex.Read(path), open), path => CheckpointIndex.Read(path).Shards),
    ];

    private static IReadOnlyCollection<string> FilesOfOnnx(string path)
    {
        using var model = OnnxModel.Open(path);
        return model.OtherFiles;
    }

    private static IEnumerable<string> OnnxIn(string directory) => System.IO.Directory.Exists(Path.Combine(directory, "onnx"))
        ? System.IO.Directory.EnumerateFiles(Path.Combine(directory, "onnx")).Select(path => $"onnx/{Path.GetFileName(path)}")
        : [];
}
