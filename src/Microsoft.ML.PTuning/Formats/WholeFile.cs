namespace Microsoft.ML.PTuning.Formats;

/// <summary>Writes a file as a whole or not at all. The old file stays until the new one is on the disk.</summary>
internal static class WholeFile
{
    /// <param name="path">The file to write; if it is a link, its target is replaced.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="IOException">It cannot be written, or what is there is no regular file. An old file is as it was.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        FileSizeLimit.Respect();
        RegularFile.Require(path); // A rename would replace a device.
        var target = new FileInfo(path).LinkTarget is null ? Path.GetFullPath(path) : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
        var draft = $"{target}.{Guid.NewGuid():N}.tmp"; // In the same folder, because a rename between disks fails.
        try
        {
            using (var stream = Create(draft, like: target))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(draft, target, overwrite: true);
        }
        catch (Exception e)
        {
            TryDelete(draft);
            if (FileSizeLimit.IsReason(e))
                throw FileSizeLimit.Error(path, e);
            throw;
        }
    }

    // Who may read the old file may read the new one, and nobody else.
    private static FileStream Create(string draft, string like)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (OperatingSystem.IsWindows() || !File.Exists(like))
            return new FileStream(draft, options);

        var mode = File.GetUnixFileMode(like);
        options.UnixCreateMode = mode;
        var stream = new FileStream(draft, options);
        try
        {
            if (File.GetUnixFileMode(stream.SafeFileHandle) != mode)
                File.SetUnixFileMode(stream.SafeFileHandle, mode); // What the umask has taken away.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A file system without modes. Nobody may read more than the old file's readers.
        }
        return stream;
    }

    private static void TryDelete(string draft)
    {
        try
        {
            if (File.Exists(draft))
                File.Delete(draft);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Why the file was not written matters more.
        }
    }
}
