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
            using (var stream = new FileStream(draft, FileMode.CreateNew, FileAccess.Write))
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
