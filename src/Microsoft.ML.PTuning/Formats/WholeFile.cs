namespace Microsoft.ML.PTuning.Formats;

/// <summary>Writes a file whole or not at all: until the new one is on the disk, the old one stays.</summary>
internal static class WholeFile
{
    /// <param name="path">Where a link leads, that file is replaced.</param>
    /// <param name="write">Writes the content.</param>
    public static void Write(string path, Action<Stream> write)
    {
        var target = (File.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName : null) ?? Path.GetFullPath(path);
        var draft = $"{target}.{Guid.NewGuid():N}.tmp"; // Beside it: between disks, nothing can be renamed.
        try
        {
            using (var stream = new FileStream(draft, FileMode.CreateNew, FileAccess.Write))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(draft, target, overwrite: true);
        }
        catch
        {
            if (File.Exists(draft))
                File.Delete(draft);
            throw;
        }
    }
}
