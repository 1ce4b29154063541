using System.Runtime.InteropServices;

namespace Microsoft.ML.PTuning.Formats;

/// <summary>Opens regular files. A reader would wait for ever at a FIFO, and a device may have no end.</summary>
/// <remarks>Only on Linux are they told apart before they are opened.</remarks>
internal static unsafe partial class RegularFile
{
    private const int WorkingFolder = -100, StatusBytes = 256, ModeOffset = 28;     // struct statx, the same on all processors
    private const uint AskForType = 1;
    private const int TypeMask = 0xF000, Regular = 0x8000;

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">It is no regular file, or cannot be read.</exception>
    public static FileStream Open(string path)
    {
        Require(path);
        return File.OpenRead(path);
    }

    /// <inheritdoc cref="Open"/>
    public static byte[] ReadAllBytes(string path)
    {
        Require(path);
        return File.ReadAllBytes(path);
    }

    /// <inheritdoc cref="Open"/>
    public static string ReadAllText(string path)
    {
        Require(path);
        return File.ReadAllText(path);
    }

    /// <summary>Bytes of a file. Links are followed; <see cref="FileInfo.Length"/> is that of the link.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static long LengthOf(string path) => (File.ResolveLinkTarget(path, returnFinalTarget: true) as FileInfo ?? new FileInfo(path)).Length;

    /// <summary>Refuses what is there and is no regular file. Links are followed.</summary>
    /// <exception cref="IOException">It is a FIFO, a socket, a device or a folder.</exception>
    public static void Require(string path)
    {
        if (KindOf(path) is { } other)
            throw new IOException($"'{path}' is {other}, expected a regular file. Put the file in its place, or name another one.");
    }

    /// <returns>What is there instead of a regular file; null for a regular file, and where nothing can be told.</returns>
    private static string? KindOf(string path)
    {
        if (!OperatingSystem.IsLinux())
            return null;

        var status = stackalloc byte[StatusBytes];
        if (Status(WorkingFolder, path, flags: 0, AskForType, status) != 0)
            return null; // Whoever opens it is told why.

        return (*(ushort*)(status + ModeOffset) & TypeMask) switch
        {
            Regular => null,
            0x1000 => "a FIFO",
            0x4000 => "a folder",
            0xC000 => "a socket",
            _ => "a device",
        };
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(int folder, string path, int flags, uint mask, byte* status);
}
