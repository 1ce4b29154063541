using System.IO.Compression;
using System.Text;
using Microsoft.ML.PTuning.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>Tensors of a file that <c>torch.save(model.state_dict())</c> wrote, as <c>pytorch_model.bin</c>.</summary>
/// <remarks>
/// The format since torch 1.6 (torch/serialization.py): a zip with <c>name/data.pkl</c>, a pickle of names and views; <c>name/data/0</c>, <c>1</c>
/// and so on, the numbers of each storage; and <c>name/byteorder</c>. The pickle is read as data (<see cref="TorchPickle"/>), never run.
/// Of a training's state, which GLM's own code and DeepSpeed save, the model is read (<see cref="TrainingState"/>).
/// Tensors are views of the file's mapped pages (<see cref="NumberFile"/>) where the zip stores them as they are. One thread at a time.
/// </remarks>
internal sealed class TorchFile : ICheckpoint
{
    private const string PickleName = "/data.pkl";

    // A pickle, protocol 2, of the number 0x1950a86a20f9469cfc6c: what torch before 1.6 wrote first.
    private static readonly byte[] OldMagic = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

    private readonly Stream _stream;
    private readonly NumberFile _numbers;
    private readonly Dictionary<string, TorchTensor> _tensors;
    private readonly Dictionary<string, ZipEntry> _storages = [];

    /// <param name="part">The entry of the pickle that the tensors are read from; null for all of it.</param>
    private TorchFile(string path, string? part = null)
    {
        Source = path;
        _stream = RegularFile.Open(path);
        _numbers = new(_stream, isMapped: true);
        try
        {
            RefuseOldFormat();
            var entries = ZipDirectory.Read(_stream);
            var root = Root(entries);
            RequireLittleEndian(entries.GetValueOrDefault($"{root}/byteorder"));
            var pickle = ReadSmall(entries[root + PickleName], TorchPickle.MostBytes);
            _tensors = part is null ? TorchPickle.Read(pickle) : TorchPickle.ReadPart(pickle, part);
            foreach (var tensor in _tensors.Values)
                _storages[tensor.Storage.Key] = Find(tensor.Storage, entries, root);
        }
        catch (Exception e) when (e is InvalidDataException or FormatException)
        {
            _numbers.Dispose();
            throw Refuse(e.Message, e);
        }
        catch
        {
            _numbers.Dispose();
            throw;
        }
    }

    public static IReadOnlyList<CheckpointFormat> Formats => CheckpointFormat.WithShards("pytorch_model.bin", Open);

    /// <summary>The state of a training as Megatron, GLM's own code and DeepSpeed save it, of a model that one process held.</summary>
    public static CheckpointFormat TrainingState { get; } = new("mp_rank_00_model_states.pt", OpenTrainingState, _ => []);

    public string Source { get; }

    public IEnumerable<CheckpointEntry> Tensors => _tensors.Select(pair => new CheckpointEntry(pair.Key, pair.Value.Storage.Type, pair.Value.Shape));

    public IEnumerable<FileLease> Leases => _numbers.Lease is { } lease ? [lease] : [];

    /// <summary>Opens a file whose tensors are mapped into memory.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is damaged or cut short, or holds anything but tensors.</exception>
    public static TorchFile Open(string path) => new(path);

    private static TorchFile OpenTrainingState(string path)
    {
        var next = Path.Combine(Path.GetDirectoryName(path)!, "mp_rank_01_model_states.pt");
        return File.Exists(next)
            ? throw new InvalidDataException(
                $"'{path}' is a part of a model, whose next part is '{next}'; expected a model in one file. Join the parts with GLM's change_mp.py.")
            : new(path, part: "module");
    }

    public Tensor Load(string name, ScalarType sixteenBits = ScalarType.Float32)
    {
        if (!_tensors.TryGetValue(name, out var tensor))
            throw new InvalidDataException($"'{Source}' holds no tensor '{name}'. It holds: {string.Join(", ", _tensors.Keys)}.");

        var type = new CheckpointEntry(name, tensor.Storage.Type, tensor.Shape).ElementType!.Value;
        using var flat = Read(tensor, type);
        using var view = flat.as_strided(tensor.Shape, tensor.Strides, flat.storage_offset());
        return view.contiguous().As(sixteenBits);
    }

    public void Dispose() => _numbers.Dispose();

    /// <returns>The numbers of the storage from the tensor's first to its last.</returns>
    private Tensor Read(TorchTensor tensor, ScalarType type)
    {
        var entry = _storages[tensor.Storage.Key];
        if (!entry.Deflated)
            return _numbers.Read(type, entry.Offset + tensor.Offset * type.ElementSize(), tensor.Extent);

        // torch.save deflates nothing. A small file could announce endless numbers, and they would be unpacked for every tensor.
        if (tensor.Storage.Count != tensor.Shape.Aggregate(1L, (product, size) => product * size))
            throw Refuse($"its entry '{entry.Name}' is deflated, and holds other numbers than those of the tensor that is read from it", null);
        if (PackedNumbers.ShrinkTooFar(entry.Length, entry.StoredLength))
            throw Refuse($"its entry '{entry.Name}' has {entry.Length} bytes, packed in {entry.StoredLength}; trained numbers do not shrink so far", null);

        using var storage = empty([tensor.Storage.Count], type);
        try
        {
            Inflate(entry, storage.bytes);
        }
        catch (InvalidDataException e)
        {
            throw Refuse(e.Message, e);
        }

        return storage.narrow(0, tensor.Offset, tensor.Extent);
    }

    private void RefuseOldFormat()
    {
        var start = new byte[OldMagic.Length];
        var length = _stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        if (length == start.Length && start.AsSpan().SequenceEqual(OldMagic))
            throw new InvalidDataException("it is of the format that torch wrote before version 1.6, a pickle without a zip");
    }

    private static string Root(Dictionary<string, ZipEntry> entries)
    {
        var roots = entries.Keys
            .Where(name => name.EndsWith(PickleName, StringComparison.Ordinal)).Select(name => name[..^PickleName.Length])
            .Where(root => root.Length > 0 && !root.Contains('/')).ToArray();
        return roots.Length == 1
            ? roots[0]
            : throw new InvalidDataException($"it is a zip with {roots.Length} entries 'name{PickleName}', expected one");
    }

    private void RequireLittleEndian(ZipEntry? entry)
    {
        if (entry is null)
            return;
        if (Encoding.ASCII.GetString(ReadSmall(entry, most: 16)) is var order && order != "little")
            throw new InvalidDataException($"its '{entry.Name}' says '{order}', expected 'little': it was saved on a machine of another kind");
    }

    private static ZipEntry Find(TorchStorage storage, Dictionary<string, ZipEntry> entries, string root)
    {
        var name = $"{root}/data/{storage.Key}";
        if (!entries.TryGetValue(name, out var entry))
            throw new InvalidDataException($"it has no entry '{name}', which its tensors need");

        var size = new CheckpointEntry(name, storage.Type, []).ElementType!.Value.ElementSize();
        return entry.Length % size == 0 && entry.Length / size == storage.Count
            ? entry
            : throw new InvalidDataException($"its entry '{name}' has {entry.Length} bytes, expected {storage.Count} numbers of {size}");
    }

    private byte[] ReadSmall(ZipEntry entry, int most)
    {
        if (entry.Length > most)
            throw new InvalidDataException($"its entry '{entry.Name}' has {entry.Length} bytes, more than {most}");

        var bytes = new byte[entry.Length];
        if (entry.Deflated)
        {
            Inflate(entry, bytes);
        }
        else
        {
            _stream.Position = entry.Offset;
            _stream.ReadExactly(bytes);
        }

        return bytes;
    }

    private void Inflate(ZipEntry entry, Span<byte> bytes)
    {
        _stream.Position = entry.Offset;
        using var inflated = new DeflateStream(_stream, CompressionMode.Decompress, leaveOpen: true);
        if (inflated.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
            throw new InvalidDataException($"its entry '{entry.Name}' unpacks to fewer bytes than the {entry.Length} it announces");
    }

    private InvalidDataException Refuse(string reason, Exception? inner) => new(
        $"'{Source}' cannot be read as tensors that torch saved: {reason}. Nothing in it was run. Where you trust it, save it as safetensors with "
        + "transformers: model.save_pretrained(folder, safe_serialization=True); or fetch the checkpoint's safetensors version.", inner);
}
