using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML.PTuning.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>Runs of numbers in a file, as flat tensors.</summary>
/// <remarks>
/// A file on disk is memory-mapped where a lease keeps its pages as they are, and on Windows: tensors are views of the pages, which all processes share
/// and which are read when first touched. Elsewhere they are copies. The mapping is copy-on-write, so nothing written to a tensor reaches the file.
/// Tensors outlive this object. One thread at a time.
/// </remarks>
/// <param name="stream">The whole file, seekable; it is disposed with this object.</param>
/// <param name="isMapped">Whether it may be mapped: it is a file on disk.</param>
internal sealed class NumberFile(Stream stream, bool isMapped) : IDisposable
{
    private const long MostAtOnce = 1 << 27; // A span has less than 2 GiB.

    private readonly Dictionary<ScalarType, Tensor?> _maps = [];
    private FileLease? _lease;
    private bool _isTaken;

    /// <summary>What keeps the pages of mapped tensors as they are. Share it for as long as such a tensor lives. Null before one is mapped.</summary>
    public FileLease? Lease => _lease;

    /// <param name="offset">Where the first number's bytes begin.</param>
    /// <param name="count">How many numbers there are; the file holds them all.</param>
    /// <returns><c>[count]</c>; a view of the file's pages where they are aligned, else a copy.</returns>
    /// <exception cref="InvalidDataException">The file was cut short while it was read.</exception>
    public Tensor Read(ScalarType type, long offset, long count)
    {
        var size = type.ElementSize();
        if (!isMapped || count == 0 || offset % size != 0)
            return Copy(type, offset, count);

        if (!_maps.TryGetValue(type, out var map))
            _maps[type] = map = TryMap(type, stream.Length / size);
        return map?.narrow(0, offset / size, count) ?? Copy(type, offset, count);
    }

    public void Dispose()
    {
        _lease?.Dispose();
        if (_lease is null)
            foreach (var map in _maps.Values)
                map?.Dispose();
        _maps.Clear();
        stream.Dispose();
    }

    private Tensor? TryMap(ScalarType type, long count)
    {
        var file = (FileStream)stream;
        if (OperatingSystem.IsWindows())
            return from_file(file.Name, shared: false, count, type).DetachFromDisposeScope();

        if (!_isTaken)
            (_lease, _isTaken) = (FileLease.TryTake(file.SafeFileHandle), true);
        var lease = _lease;
        return lease?.TryMap(() => from_file(lease.Path, shared: false, count, type).DetachFromDisposeScope(), Pages);
    }

    private static unsafe (nint Address, long Length) Pages(Tensor map)
    {
        using var first = map.narrow(0, 0, 1);
        return ((nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes)), map.numel() * map.element_size());
    }

    private Tensor Copy(ScalarType type, long offset, long count)
    {
        var tensor = empty([count], type);
        if (count == 0)
            return tensor;

        try
        {
            stream.Position = offset;
            for (long at = 0, part; at < count; at += part)
            {
                part = Math.Min(count - at, MostAtOnce);
                using var numbers = tensor.narrow(0, at, part);
                stream.ReadExactly(numbers.bytes);
            }
            return tensor;
        }
        catch (EndOfStreamException e)
        {
            tensor.Dispose();
            var name = stream is FileStream file ? file.Name : "the file";
            throw new InvalidDataException($"'{name}' was cut short while it was read. Fetch or save the file again.", e);
        }
    }
}
