using System.Globalization;
using System.Text.Json;

namespace Microsoft.ML.PTuning.Formats;

/// <summary>Refuses escapes such as <c>\ud800</c> that are half of a surrogate pair: valid JSON, but no text.</summary>
/// <remarks>System.Text.Json throws where it reads such a text, or compares one with it: another exception than for a file that is no JSON.</remarks>
internal static class JsonSurrogates
{
    private const int EscapeLength = 6; // \u and four digits

    /// <param name="json">Valid JSON.</param>
    /// <exception cref="JsonException">A text has half of a surrogate pair.</exception>
    public static void Refuse(ReadOnlySpan<char> json)
    {
        for (var at = 0; json[at..].IndexOf('\\') is >= 0 and var skipped;)
        {
            at += skipped;
            if (json[at + 1] != 'u')
            {
                at += 2;
                continue;
            }

            var escaped = Escaped(json, at);
            var isPair = char.IsHighSurrogate(escaped) && char.IsLowSurrogate(Escaped(json, at + EscapeLength));
            if (char.IsSurrogate(escaped) && !isPair)
                throw new JsonException($"The text at character {at} has half of a surrogate pair, \\u{(int)escaped:x4}, which is no character.");
            at += isPair ? 2 * EscapeLength : EscapeLength;
        }
    }

    /// <returns>NUL where there is no such escape.</returns>
    private static char Escaped(ReadOnlySpan<char> json, int at) =>
        at + EscapeLength <= json.Length && json[at] == '\\' && json[at + 1] == 'u'
        && ushort.TryParse(json.Slice(at + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit) ? (char)unit : '\0';
}
