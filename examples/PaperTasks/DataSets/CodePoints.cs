namespace PaperTasks.DataSets;

/// <summary>
/// Places in a text as the data sets count them, in Unicode code points: a character beyond the first 65,536 is one of those and two of a string's.
/// </summary>
internal sealed class CodePoints
{
    private readonly string _text;
    private readonly int[]? _starts;                        // null where the two ways of counting agree

    public CodePoints(string text)
    {
        _text = text;
        if (text.Any(char.IsSurrogate))
            _starts = [.. Enumerable.Range(0, text.Length).Where(i => i == 0 || !char.IsSurrogatePair(text[i - 1], text[i]))];
    }

    public int Count => _starts?.Length ?? _text.Length;

    /// <param name="codePoint">From 0 to <see cref="Count"/>.</param>
    /// <returns>The index in the .NET string.</returns>
    public int ToIndex(int codePoint) => codePoint == Count ? _text.Length : _starts?[codePoint] ?? codePoint;

    /// <summary>The text between two places, the second one excluded.</summary>
    public string Between(int start, int end) => _text[ToIndex(start)..ToIndex(end)];
}
