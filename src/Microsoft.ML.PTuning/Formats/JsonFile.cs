using System.Text;
using System.Text.Json;

namespace Microsoft.ML.PTuning.Formats;

/// <summary>Reads a JSON file that someone else wrote.</summary>
internal static class JsonFile
{
    /// <summary>Several times the longest <c>tokenizer.json</c> of the families that are supported. A file takes a multiple of its size in memory.</summary>
    private const long Longest = 32 << 20;

    /// <exception cref="JsonException">It is no JSON, longer than such files are, or has a text that is no Unicode; the message is the reason only.</exception>
    /// <exception cref="IOException">It is no regular file, or cannot be read.</exception>
    /// <exception cref="DecoderFallbackException">Its bytes are not of the encoding.</exception>
    public static JsonDocument Parse(string path, Encoding encoding)
    {
        RegularFile.Require(path);
        if (RegularFile.LengthOf(path) is var length && length > Longest)
            throw new JsonException(FormattableString.Invariant($"It has {length:N0} bytes, more than the {Longest:N0} of any such file."));

        var json = File.ReadAllText(path, encoding);
        var document = JsonDocument.Parse(json);
        try
        {
            JsonSurrogates.Refuse(json);
            return document;
        }
        catch
        {
            document.Dispose();
            throw;
        }
    }
}
