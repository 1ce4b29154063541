using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.PTuning.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training;

/// <summary>A tensor in a temporary file that is mapped into memory. The system keeps as much of it in memory as there is room for.</summary>
/// <remarks>
/// Except on Windows, the file is deleted as soon as it is mapped, so that even a crash leaves nothing behind. On Windows it is deleted at the end.
/// Only the current user can read it.
/// </remarks>
internal sealed class TrunkFile : IDisposable
{
    private readonly string _path;

    /// <param name="folder">Where the file is made.</param>
    /// <exception cref="IOException">There is no room for it, or it cannot be made there.</exception>
    public TrunkFile(string folder, ScalarType type, long rows, long width)
    {
        var bytes = rows * width * type.ElementSize();
        _path = Path.Combine(folder, $"ptuning-trunk-{Guid.NewGuid():N}");
        try
        {
            Reserve(folder, _path, bytes);
            using var flat = from_file(_path, shared: true, rows * width, type);
            Tensor = flat.view(rows, width).DetachFromDisposeScope();
        }
        catch (ExternalException e)
        {
            Delete();
            throw new IOException($"The file '{_path}' cannot be mapped into memory: {e.Message}", e);
        }
        catch
        {
            Delete();
            throw;
        }
        if (!OperatingSystem.IsWindows()) // Windows deletes no file that is mapped.
            Delete();
    }

    /// <summary>Zeros at first, <c>[rows, width]</c>.</summary>
    public Tensor Tensor { get; }

    public void Dispose()
    {
        Tensor.Dispose();
        Delete();
    }

    // Reserves the blocks, not only the length: if the disk is full, a write to mapped memory ends the process. Some network file systems reserve no
    // blocks, so the file takes at most half of the free space.
    private static void Reserve(string folder, string path, long bytes)
    {
        FileSizeLimit.Respect();
        try
        {
            var free = new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(Path.GetFullPath(folder))! : folder).AvailableFreeSpace;
            if (free / 2 < bytes)
                throw new IOException(
                    string.Create(CultureInfo.InvariantCulture, $"There are {free >> 20} MB free; the file may take half of them."));

            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, PreallocationSize = bytes };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using var file = new FileStream(path, options);
            file.SetLength(bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException) // Some folders have no drive.
        {
            throw new IOException(
                string.Create(CultureInfo.InvariantCulture, $"The trunk cache needs a temporary file of {(bytes >> 20) + 1} MB in '{folder}'. ")
                + $"{e.Message} Raise TrunkCacheMemoryMegabytes, halve the cache with HalfPrecisionTrunkCache, or choose another folder, "
                + "MLContext.TempFilePath.", e);
        }
    }

    private void Delete()
    {
        try
        {
            if (File.Exists(_path))
                File.Delete(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // On Windows another process may have it open. The result of training, or the reason why it failed, matters more than the file.
        }
    }
}
