using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Checkpoints;

/// <summary>Tensors of a safetensors file, or of one entry of a zip.</summary>
/// <remarks>
/// A file on disk is memory-mapped: F32 tensors are views of its pages, which all processes share and which are read when first touched.
/// The mapping is copy-on-write, so nothing written to a tensor reaches the file; replace such a file by another, do not change it in place.
/// Tensors outlive this object; disposing it ends reading only. One thread at a time.
/// </remarks>
internal sealed class SafetensorsFile : IDisposable
{
    private readonly Stream _stream;
    private readonly string? _path;
    private readonly SafetensorsHeader _header;
    private readonly Dictionary<ScalarType, Tensor> _maps = [];

    private SafetensorsFile(Stream stream, string source, string? path)
    {
        _stream = stream;
        _path = path;
        Source = source;
        try
        {
            _header = SafetensorsHeader.Read(stream, source);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>What messages call the file.</summary>
    public string Source { get; }

    /// <summary>What the file holds, by name, in the order of its bytes.</summary>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _header.Entries;

    /// <summary>The strings under <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Opens a file whose tensors are mapped into memory.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is not a whole and right safetensors file.</exception>
    public static SafetensorsFile Open(string path) => new(File.OpenRead(path), path, path);

    /// <summary>Reads a stream to its end; the tensors are copies.</summary>
    /// <param name="stream">It stays open.</param>
    /// <param name="source">What messages call it: the file and its entry.</param>
    /// <exception cref="InvalidDataException">It is not a whole and right safetensors file.</exception>
    public static SafetensorsFile Read(Stream stream, string source)
    {
        var content = new MemoryStream();
        stream.CopyTo(content);
        return new(content, source, path: null);
    }

    /// <summary>A tensor on the CPU; F16 and BF16 come as F32, other types as they are.</summary>
    /// <returns>A tensor that the caller owns, in the current dispose scope if there is one.</returns>
    /// <exception cref="InvalidDataException">The file holds no such tensor, or one of a type that cannot be given.</exception>
    public Tensor Load(string name)
    {
        if (!Entries.TryGetValue(name, out var entry))
            throw new InvalidDataException($"'{Source}' holds no tensor '{name}'. It holds: {string.Join(", ", Entries.Keys)}.");

        var type = ElementType(entry);
        var tensor = _path is not null && entry.ByteLength > 0 && entry.Offset % type.ElementSize() == 0 ? Mapped(entry, type) : Copied(entry, type);
        if (type is not (ScalarType.Float16 or ScalarType.BFloat16))
            return tensor;

        using (tensor)
            return tensor.to(ScalarType.Float32);
    }

    /// <summary>All tensors by name, each as <see cref="Load"/> gives it.</summary>
    public Dictionary<string, Tensor> LoadAll() => Entries.Keys.ToDictionary(name => name, Load);

    public void Dispose()
    {
        foreach (var map in _maps.Values)
            map.Dispose();
        _maps.Clear();
        _stream.Dispose();
    }

    private ScalarType ElementType(SafetensorsEntry entry) => entry.Type switch
    {
        "F32" => ScalarType.Float32,
        "F16" => ScalarType.Float16,
        "BF16" => ScalarType.BFloat16,
        "F64" => ScalarType.Float64,
        "I64" => ScalarType.Int64,
        "I32" => ScalarType.Int32,
        "I16" => ScalarType.Int16,
        "I8" => ScalarType.Int8,
        "U8" => ScalarType.Byte,
        "BOOL" => ScalarType.Bool,
        _ => throw new InvalidDataException($"'{Source}': tensor '{entry.Name}' is {entry}, a type that cannot be read; store it as F32."),
    };

    private Tensor Mapped(SafetensorsEntry entry, ScalarType type)
    {
        var size = type.ElementSize();
        if (!_maps.TryGetValue(type, out var map))
            _maps[type] = map = from_file(_path!, shared: false, _stream.Length / size, type).DetachFromDisposeScope();

        using var flat = map.narrow(0, entry.Offset / size, entry.ByteLength / size);
        return flat.view(entry.Shape);
    }

    private Tensor Copied(SafetensorsEntry entry, ScalarType type)
    {
        var tensor = empty(entry.Shape, type);
        if (entry.ByteLength > 0)
        {
            _stream.Position = entry.Offset;
            _stream.ReadExactly(tensor.bytes);
        }

        return tensor;
    }
}
