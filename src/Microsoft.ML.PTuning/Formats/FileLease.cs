using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Microsoft.ML.PTuning.Formats;

/// <summary>Keeps mapped pages of a file as they are. Before another process changes the file, they become a copy in memory.</summary>
/// <remarks>
/// A file that is cut short while it is mapped would end the process (SIGBUS); one that is written over would change numbers in use. On Linux whoever
/// opens a leased file for writing, or cuts it, waits for the holder of the lease: for 45 s, unless <c>/proc/sys/fs/lease-break-time</c> says otherwise.
/// A signal tells the holder, who copies the pages, puts the copy in their place and gives the lease back. A file that another one replaces by its name
/// is not changed. Safe for any number of threads.
/// </remarks>
internal sealed unsafe partial class FileLease : IDisposable
{
    private const PosixSignal Wanted = (PosixSignal)23;                             // SIGURG, a raw value: where nobody handles it, nothing happens.
    private const int SetOwner = 8, SetSignal = 10, SetLease = 1024, GetLease = 1025, ReadLease = 0, NoLease = 2;                 // of fcntl
    private const int OpenToRead = 0x80000;                                                                        // of open, O_CLOEXEC
    private const int ReadAndWrite = 3, PrivateAnonymous = 0x22, MoveToFixedPlace = 3;                             // of mmap and mremap

    private static readonly HashSet<FileLease> s_held = [];
    private static PosixSignalRegistration? s_registration;

    private readonly SafeFileHandle _file;
    private readonly List<IDisposable> _maps = [];
    private readonly List<(nint Address, long Length)> _pages = [];
    private bool _isHeld = true;
    private int _holders = 1;

    private FileLease(SafeFileHandle file, string path) => (_file, Path) = (file, path);

    /// <summary>Opens the same file again, even if another one has its name by now.</summary>
    public string Path { get; }

    /// <returns>Null where there is no lease: no Linux, a file of another user, a network file system, or a file that is open for writing.</returns>
    public static FileLease? TryTake(SafeFileHandle file)
    {
        var path = $"/proc/self/fd/{file.DangerousGetHandle()}";
        if (!OperatingSystem.IsLinux() || !File.Exists(path))
            return null;

        // A lease ends when the file that it was taken on is closed. .NET would lock the file against writers in other .NET processes.
        var own = Open(path, OpenToRead);
        if (own.IsInvalid)
            return null;

        var lease = new FileLease(own, $"/proc/self/fd/{own.DangerousGetHandle()}");
        lock (s_held)
        {
            s_registration ??= PosixSignalRegistration.Create(Wanted, GiveBack);
            // Without an owner the signal would go to this thread only, and be lost if it is not the first one of the process.
            if (Control(own, SetOwner, Environment.ProcessId) == 0 && Control(own, SetSignal, (int)Wanted) == 0
                && Control(own, SetLease, ReadLease) == 0)
            {
                s_held.Add(lease);
                return lease;
            }
        }
        own.Dispose();
        return null;
    }

    /// <summary>Another holder, to be disposed as well.</summary>
    public FileLease Share()
    {
        lock (s_held)
            _holders++;
        return this;
    }

    /// <summary>Maps the file, or parts of it; the lease owns what it returns.</summary>
    /// <param name="pages">Where its pages are, from the beginning of a page.</param>
    /// <returns>Null where the lease has been given back.</returns>
    public TMap? TryMap<TMap>(Func<TMap> map, Func<TMap, (nint Address, long Length)> pages)
        where TMap : class, IDisposable
    {
        lock (s_held)
        {
            if (!_isHeld)
                return null;

            var mapped = map();
            _maps.Add(mapped);
            _pages.Add(pages(mapped));
            return mapped;
        }
    }

    /// <summary>The last holder gives the lease back, then frees the maps.</summary>
    public void Dispose()
    {
        lock (s_held)
        {
            if (--_holders > 0)
                return;
            _isHeld = false;
            s_held.Remove(this);
            _pages.Clear();
        }
        _file.Dispose();
        foreach (var map in _maps)
            map.Dispose();
    }

    private static void GiveBack(PosixSignalContext signal)
    {
        signal.Cancel = true;
        lock (s_held)
        {
            foreach (var lease in s_held.Where(lease => Control(lease._file, GetLease, 0) != ReadLease).ToList())
                lease.GiveBack();
        }
    }

    private void GiveBack()
    {
        foreach (var (address, length) in _pages)
            CopyInPlace((byte*)address, (nuint)length);
        _pages.Clear();
        _isHeld = false;
        s_held.Remove(this);
        _ = Control(_file, SetLease, NoLease);
    }

    /// <summary>Puts a copy in the place of mapped pages. Whoever reads them meanwhile sees the same bytes.</summary>
    private static void CopyInPlace(byte* pages, nuint length)
    {
        var copy = Map(null, length, ReadAndWrite, PrivateAnonymous, file: -1, offset: 0);
        if ((nint)copy == -1)
            return; // No memory is left. Whoever changes the file waits first, and the process may end before.

        Buffer.MemoryCopy(pages, copy, length, length);
        if ((nint)Move(copy, length, length, MoveToFixedPlace, pages) == -1)
            _ = Unmap(copy, length);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(SafeFileHandle file, int command, int value);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial byte* Map(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mremap")]
    private static partial byte* Move(byte* from, nuint length, nuint newLength, int flags, byte* to);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(byte* address, nuint length);
}
