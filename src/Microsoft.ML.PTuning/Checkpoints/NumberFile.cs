using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>Runs of numbers in a file, as flat tensors.</summary>
/// <remarks>
/// A file on disk is memory-mapped: tensors are views of its pages, which all processes share and which are read when first touched.
/// The mapping is copy-on-write, so nothing written to a tensor reaches the file; replace such a file by another, do not change it in place.
/// Tensors outlive this object. One thread at a time.
/// </remarks>
/// <param name="stream">The whole file, seekable; it is disposed with this object.</param>
/// <param name="path">Its path; null if it is not on disk, and everything is copied.</param>
internal sealed class NumberFile(Stream stream, string? path) : IDisposable
{
    private readonly Dictionary<ScalarType, Tensor> _maps = [];

    /// <param name="offset">Where the first number's bytes begin.</param>
    /// <param name="count">How many numbers there are; the file holds them all.</param>
    /// <returns><c>[count]</c>; a view of the file's pages where they are aligned, else a copy.</returns>
    public Tensor Read(ScalarType type, long offset, long count)
    {
        var size = type.ElementSize();
        if (path is null || count == 0 || offset % size != 0)
            return Copy(type, offset, count);

        if (!_maps.TryGetValue(type, out var map))
            _maps[type] = map = from_file(path, shared: false, stream.Length / size, type).DetachFromDisposeScope();
        return map.narrow(0, offset / size, count);
    }

    public void Dispose()
    {
        foreach (var map in _maps.Values)
            map.Dispose();
        _maps.Clear();
        stream.Dispose();
    }

    private Tensor Copy(ScalarType type, long offset, long count)
    {
        var tensor = empty([count], type);
        if (count > 0)
        {
            stream.Position = offset;
            stream.ReadExactly(tensor.bytes);
        }

        return tensor;
    }
}
