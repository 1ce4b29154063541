using System.Globalization;
using System.Text;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Characters that are invisible at the edges of a piece of text: controls, and format characters such as U+200B, U+FEFF, U+200E, U+00AD.</summary>
internal static class InvisibleCharacters
{
    /// <summary>The characters [start, end) without invisible ones at the edges; empty, at <paramref name="start"/>, where all are invisible.</summary>
    public static (int Start, int End) Trim(string text, int start, int end)
    {
        var first = start;
        while (first < end && IsInvisible(First(text.AsSpan(first, end - first), out var length)))
            first += length;
        if (first == end)
            return (start, start);

        while (IsInvisible(Last(text.AsSpan(first, end - first), out var length)))
            end -= length;
        return (first, end);
    }

    private static Rune First(ReadOnlySpan<char> text, out int length)
    {
        Rune.DecodeFromUtf16(text, out var rune, out length);
        return rune;
    }

    private static Rune Last(ReadOnlySpan<char> text, out int length)
    {
        Rune.DecodeLastFromUtf16(text, out var rune, out length);
        return rune;
    }

    private static bool IsInvisible(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format && !Rune.IsWhiteSpace(rune);
}
