namespace Microsoft.ML.PTuning.Backbones;

/// <summary>The folder where this user's machine keeps what can be made again at any time. Deleting it costs time, nothing else.</summary>
internal static class LocalCache
{
    /// <summary><c>$XDG_CACHE_HOME</c> or the user's local application data, then <c>Microsoft.ML.PTuning</c>. It need not exist.</summary>
    public static string Folder => Path.Combine(UserFolder(), "Microsoft.ML.PTuning");

    /// <summary>Writes a file so that any other process sees all of it or nothing.</summary>
    /// <returns>False where the folder cannot be written; nothing is left behind then.</returns>
    public static bool TryWrite(string path, ReadOnlySpan<byte> content)
    {
        var draft = $"{path}.{Guid.NewGuid():N}";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            try
            {
                using (var stream = new FileStream(draft, FileMode.CreateNew))
                    stream.Write(content);
                File.Move(draft, path, overwrite: true);
                return true;
            }
            catch
            {
                File.Delete(draft);
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static string UserFolder()
    {
        var xdg = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (Path.IsPathFullyQualified(xdg ?? ""))
            return xdg!;

        var local = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        return local.Length > 0 ? local : Path.GetTempPath();
    }
}
