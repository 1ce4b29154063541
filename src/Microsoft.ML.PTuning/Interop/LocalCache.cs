using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Interop;

/// <summary>The user's folder for files that can be made again at any time. Deleting it costs time, nothing else.</summary>
/// <remarks><see cref="Encoders.Fingerprint"/> keeps hashes here, <see cref="NativeBackend"/> the patched native library.</remarks>
internal static class LocalCache
{
    /// <summary><see cref="FolderBelow"/> of this user.</summary>
    public static string? Folder { get; } = FolderBelow(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME"),
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify));

    /// <summary><c>Microsoft.ML.PTuning</c> in the first of two folders that is a full path. It need not exist.</summary>
    /// <param name="cache">The value of <c>XDG_CACHE_HOME</c>.</param>
    /// <param name="applicationData">The user's local application data; empty where there is none.</param>
    /// <returns>Null if neither is. A folder that users share is not used instead, because others could put files there first.</returns>
    public static string? FolderBelow(string? cache, string applicationData) =>
        new[] { cache, applicationData }.FirstOrDefault(folder => Path.IsPathFullyQualified(folder ?? "")) is { } found
            ? Path.Combine(found, "Microsoft.ML.PTuning")
            : null;

    /// <summary>Writes a file so that other processes see all of it or nothing.</summary>
    /// <returns>False if the folder cannot be written; nothing is left behind then.</returns>
    public static bool TryWrite(string path, ReadOnlySpan<byte> content)
    {
        FileSizeLimit.Respect();
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
        catch (Exception e) when (e is IOException or UnauthorizedAccessException || FileSizeLimit.IsReason(e))
        {
            return false;
        }
    }
}
