using System.Globalization;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>ChatGLM-6B's pieces for white space that SentencePiece would lose: line breaks, tabs, runs of spaces.</summary>
internal static class WhiteSpacePieces
{
    public const string LineBreak = "<n>", Tab = "<|tab|>";

    /// <summary>The longest run of spaces that has a piece.</summary>
    public const int LongestRun = 80;

    private const string RunStart = "<|blank_", RunEnd = "|>";

    /// <param name="spaces">From 2 to <see cref="LongestRun"/>.</param>
    public static string Run(int spaces) => RunStart + spaces.ToString(CultureInfo.InvariantCulture) + RunEnd;

    /// <summary>The piece of the white space that begins a text; null for a single space, and for anything else.</summary>
    /// <param name="length">How many characters it stands for.</param>
    public static string? Spell(ReadOnlySpan<char> text, out int length)
    {
        length = 1;
        if (text[0] == '\n')
            return LineBreak;
        if (text[0] == '\t')
            return Tab;

        var end = text.IndexOfAnyExcept(' ');
        length = Math.Min(end < 0 ? text.Length : end, LongestRun);
        return length > 1 ? Run(length) : null;
    }

    /// <summary>The white space of a piece; null for other pieces.</summary>
    public static string? Read(string piece)
    {
        if (piece is LineBreak)
            return "\n";
        if (piece is Tab)
            return "\t";

        return piece.StartsWith(RunStart, StringComparison.Ordinal) && piece.EndsWith(RunEnd, StringComparison.Ordinal)
            && int.TryParse(piece.AsSpan()[RunStart.Length..^RunEnd.Length], NumberStyles.None, CultureInfo.InvariantCulture, out var spaces)
            && spaces is > 1 and <= LongestRun
            ? new string(' ', spaces)
            : null;
    }
}
