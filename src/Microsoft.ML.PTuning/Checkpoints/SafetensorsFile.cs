using Microsoft.ML.PTuning.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>Tensors of a safetensors file, or of one entry of a zip.</summary>
/// <remarks>Tensors of a file on disk are views of its mapped pages (<see cref="NumberFile"/>). One thread at a time.</remarks>
internal sealed class SafetensorsFile : ICheckpoint
{
    private readonly NumberFile _numbers;
    private readonly SafetensorsHeader _header;

    private SafetensorsFile(Stream stream, string source, bool isMapped)
    {
        Source = source;
        _numbers = new(stream, isMapped);
        try
        {
            _header = SafetensorsHeader.Read(stream, source);
        }
        catch
        {
            _numbers.Dispose();
            throw;
        }
    }

    public static IReadOnlyList<CheckpointFormat> Formats => CheckpointFormat.WithShards("model.safetensors", Open);

    public string Source { get; }

    /// <summary>What the file holds, by name, in the order of its bytes.</summary>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _header.Entries;

    IEnumerable<CheckpointEntry> ICheckpoint.Tensors => Entries.Values;

    /// <summary>The strings under <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    public IEnumerable<FileLease> Leases => _numbers.Lease is { } lease ? [lease] : [];

    /// <summary>Opens a file whose tensors are mapped into memory.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is damaged, cut short or no safetensors file.</exception>
    public static SafetensorsFile Open(string path) => new(RegularFile.Open(path), path, isMapped: true);

    /// <summary>Opens a file whose tensors are copies, which do not depend on the file.</summary>
    /// <inheritdoc cref="Open"/>
    public static SafetensorsFile OpenToCopy(string path) => new(RegularFile.Open(path), path, isMapped: false);

    /// <summary>Reads a stream to its end; the tensors are copies.</summary>
    /// <param name="stream">It stays open.</param>
    /// <param name="source">Its name in messages: the file and its entry.</param>
    /// <exception cref="InvalidDataException">The file is damaged, cut short or no safetensors file.</exception>
    public static SafetensorsFile Read(Stream stream, string source)
    {
        var content = new MemoryStream();
        stream.CopyTo(content);
        return new(content, source, isMapped: false);
    }

    /// <summary>Reads content that is in memory, without another copy of it.</summary>
    /// <param name="content">It is disposed with this object.</param>
    /// <inheritdoc cref="Read"/>
    public static SafetensorsFile ReadInPlace(MemoryStream content, string source) => new(content, source, isMapped: false);

    public Tensor Load(string name, ScalarType sixteenBits = ScalarType.Float32)
    {
        if (!Entries.TryGetValue(name, out var entry))
            throw new InvalidDataException($"'{Source}' holds no tensor '{name}'. It holds: {string.Join(", ", Entries.Keys)}.");
        if (entry.ElementType is not { } type)
            throw new InvalidDataException($"'{Source}': tensor '{name}' is {entry}, a type that cannot be read; store it as F32.");

        using var flat = _numbers.Read(type, entry.Offset, entry.ByteLength / type.ElementSize());
        return flat.view(entry.Shape).As(sixteenBits);
    }

    /// <summary>All tensors by name, each as <see cref="Load"/> gives it.</summary>
    public Dictionary<string, Tensor> LoadAll() => Entries.Keys.ToDictionary(name => name, name => Load(name));

    public void Dispose() => _numbers.Dispose();
}
