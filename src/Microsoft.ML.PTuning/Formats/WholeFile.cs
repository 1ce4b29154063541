namespace Microsoft.ML.PTuning.Formats;

/// <summary>Writes a file as a whole or not at all. The old file stays until the new one is on the disk.</summary>
internal static class WholeFile
{
    /// <param name="path">The file to write; if it is a link, its target is replaced.</param>
    /// <param name="write">Writes the content.</param>
    public static void Write(string path, Action<Stream> write)
    {
        var target = (File.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName : null) ?? Path.GetFullPath(path);
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
        catch
        {
            if (File.Exists(draft))
                File.Delete(draft);
            throw;
        }
    }
}
