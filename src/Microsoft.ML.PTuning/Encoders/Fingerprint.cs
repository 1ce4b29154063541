using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Interop;

namespace Microsoft.ML.PTuning.Encoders;

/// <summary>SHA-256 of files, cached by full path, size and time, so that a large file is read once per machine, not once per process.</summary>
/// <param name="folder">Folder of the cache; it may be deleted at any time. Null to cache in this object only.</param>
internal sealed class Fingerprint(string? folder)
{
    private readonly ConcurrentDictionary<string, Lazy<string>> _entries = new();

    /// <summary>The cache of this process, stored in the user's <see cref="LocalCache"/>.</summary>
    public static Fingerprint Shared { get; } = new(LocalCache.Folder is { } cache ? Path.Combine(cache, "fingerprints") : null);

    /// <returns>SHA-256 in lower-case hexadecimal digits.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public string Of(string path)
    {
        var file = FileStamp.Of(path);
        var entry = _entries.GetOrAdd(file.ToString(), key => new(() => Recall(key) ?? Compute(file.Path, key)));
        try
        {
            return entry.Value;
        }
        catch
        {
            _entries.TryRemove(new(file.ToString(), entry));
            throw;
        }
    }

    private string Compute(string path, string key)
    {
        using var stream = RegularFile.Open(path);
        var hash = Convert.ToHexString(SHA256.HashData(stream)).ToLowerInvariant();
        if (folder is not null)
            LocalCache.TryWrite(EntryOf(folder, key), Encoding.ASCII.GetBytes($"{hash} {Seal(key, hash)}"));
        return hash;
    }

    // An entry is the hash and a seal over key and hash: an entry that is cut, mixed up or damaged is ignored.
    private string? Recall(string key)
    {
        if (folder is null)
            return null;

        try
        {
            var entry = RegularFile.ReadAllText(EntryOf(folder, key)).Split(' ');
            return entry.Length == 2 && entry[1] == Seal(key, entry[0]) ? entry[0] : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string EntryOf(string folder, string key) => Path.Combine(folder, HexOf(key));

    private static string Seal(string key, string hash) => HexOf($"{key}\n{hash}");

    private static string HexOf(string text) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text))).ToLowerInvariant();
}
