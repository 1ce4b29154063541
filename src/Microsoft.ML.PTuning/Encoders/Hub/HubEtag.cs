using System.Security.Cryptography;
using System.Text;
using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Encoders.Hub;

/// <summary>The hub's name for the bytes of a file, which is their hash: SHA-256 (large files, in Git LFS) or git's SHA-1 (small ones).</summary>
internal sealed record HubEtag
{
    private const int GitLength = 40, LfsLength = 64;

    private HubEtag(string value) => Value = value;

    /// <summary>Lower-case hexadecimal digits.</summary>
    public string Value { get; }

    /// <param name="header">As the header <c>ETag</c> has it: <c>"value"</c> or <c>W/"value"</c>.</param>
    /// <returns>Null if it is no hash, and so no name for a file either.</returns>
    public static HubEtag? TryParse(string? header)
    {
        var value = header?.Trim();
        if (value?.StartsWith("W/", StringComparison.Ordinal) == true)
            value = value[2..];
        value = value?.Trim('"');
        return value is { Length: GitLength or LfsLength } && value.All(char.IsAsciiHexDigitLower) ? new(value) : null;
    }

    /// <summary>Whether a file has these bytes.</summary>
    public bool IsOf(string path)
    {
        using var stream = RegularFile.Open(path);
        return Convert.ToHexString(Value.Length == LfsLength ? SHA256.HashData(stream) : GitHash(stream)).Equals(Value, StringComparison.OrdinalIgnoreCase);
    }

    public override string ToString() => Value;

    // What git calls a blob: its length in front of its bytes.
    private static byte[] GitHash(Stream stream)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        hash.AppendData(Encoding.ASCII.GetBytes(FormattableString.Invariant($"blob {stream.Length}\0")));
        var buffer = new byte[1 << 16];
        for (int read; (read = stream.Read(buffer)) > 0;)
            hash.AppendData(buffer, 0, read);
        return hash.GetHashAndReset();
    }
}
