using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace Microsoft.ML.PTuning.Formats;

/// <summary>A file's bytes in memory: mapped where a <see cref="FileLease"/> keeps them as they are, and on Windows; else copied.</summary>
/// <remarks>Do not use <see cref="Bytes"/> after disposing this object.</remarks>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly FileLease? _lease;
    private readonly View? _view;
    private byte* _copy;
    private byte* _start;

    private MappedFile(FileStream stream)
    {
        using (stream)
        {
            Length = stream.Length;
            if (Length == 0)
                return; // An empty file cannot be mapped.

            try
            {
                _lease = FileLease.TryTake(stream.SafeFileHandle);
                _view = _lease?.TryMap(() => new View(stream), view => ((nint)view.Start, Length));
                if (_view is null && OperatingSystem.IsWindows())
                    _view = new View(stream);
                _start = _view is null ? Copy(stream) : _view.Start;
            }
            catch
            {
                Dispose();
                throw;
            }
        }
    }

    /// <summary>The size of the file in bytes.</summary>
    public long Length { get; }

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">It is no regular file, or cannot be read.</exception>
    public static MappedFile Open(string path) => new(RegularFile.Open(path));

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
        _start = null;
        _lease?.Dispose(); // Before the view is closed, because it might be copied until then.
        _view?.Dispose();
        NativeMemory.Free(_copy);
        _copy = null;
    }

    private byte* Copy(FileStream stream)
    {
        _copy = (byte*)NativeMemory.Alloc((nuint)Length);
        for (long at = 0; at < Length;)
        {
            var read = RandomAccess.Read(stream.SafeFileHandle, new Span<byte>(_copy + at, (int)Math.Min(Length - at, 1 << 30)), at);
            at += read > 0 ? read : throw new InvalidDataException($"'{stream.Name}' was cut short while it was read. Fetch or save the file again.");
        }
        return _copy;
    }

    private sealed class View : IDisposable
    {
        private readonly MemoryMappedFile _file;
        private readonly MemoryMappedViewAccessor _view;

        public View(FileStream stream)
        {
            _file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            try
            {
                _view = _file.CreateViewAccessor(0, stream.Length, MemoryMappedFileAccess.Read);
            }
            catch
            {
                _file.Dispose();
                throw;
            }
            byte* start = null;
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            Start = start + _view.PointerOffset;
        }

        public byte* Start { get; private set; }

        public void Dispose()
        {
            if (Start is null)
                return;
            Start = null;
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _file.Dispose();
        }
    }
}
