using System.IO.MemoryMappedFiles;

namespace Microsoft.ML.PTuning.Formats;

/// <summary>A file's bytes, mapped into memory: each page is read when it is first touched, and shared by all processes.</summary>
/// <remarks>Do not use <see cref="Bytes"/> after disposing this object. Replace such a file by another, do not change it in place.</remarks>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private byte* _start;

    private MappedFile(FileStream stream)
    {
        using (stream)
        {
            Length = stream.Length;
            if (Length == 0)
                return; // An empty file cannot be mapped.

            _file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        }

        try
        {
            _view = _file.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
            _start += _view.PointerOffset;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The size of the file in bytes.</summary>
    public long Length { get; }

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static MappedFile Open(string path) => new(File.OpenRead(path));

    /// <exception cref="ArgumentOutOfRangeException">The file does not hold all of these bytes.</exception>
    public ReadOnlySpan<byte> Bytes(long offset, int length)
    {
        ObjectDisposedException.ThrowIf(Length > 0 && _start is null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        return new(_start + offset, length);
    }

    public void Dispose()
    {
        if (_start is not null)
            _view!.SafeMemoryMappedViewHandle.ReleasePointer();
        _start = null;
        _view?.Dispose();
        _file?.Dispose();
    }
}
