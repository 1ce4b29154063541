using System.Text;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>The pieces that byte-level BPE never merges across, one after the other (Radford et al. 2019); every character is in one of them.</summary>
/// <remarks>
/// The pattern is <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c> over code points. .NET's regular expressions,
/// and so Microsoft.ML.Tokenizers' pre-tokenizer, see letters beyond U+FFFF as two symbols and cut elsewhere.
/// </remarks>
internal ref struct ByteLevelWords(ReadOnlySpan<char> text)
{
    private readonly ReadOnlySpan<char> _text = text;

    private enum Kind
    {
        Letter,
        Number,
        WhiteSpace,
        Other,
    }

    public int Start { get; private set; }

    public int End { get; private set; }

    public bool MoveNext()
    {
        Start = End;
        if (Start == _text.Length)
            return false;

        End = ContractionEnd();
        if (End > Start)
            return true;

        var first = _text[Start] == ' ' && Start + 1 < _text.Length ? Start + 1 : Start;
        var kind = KindAt(first, out _);
        if (kind == Kind.WhiteSpace)
            End = WhiteSpaceEnd();
        else
            End = RunEnd(first, kind);
        return true;
    }

    private readonly int ContractionEnd()
    {
        var rest = _text[Start..];
        if (rest.Length < 2 || rest[0] != '\'')
            return Start;
        if (rest[1] is 's' or 't' or 'm' or 'd')
            return Start + 2;

        return rest.Length > 2 && (rest[1], rest[2]) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? Start + 3 : Start;
    }

    /// <summary>A run of white space leaves its last character to the word behind it.</summary>
    private readonly int WhiteSpaceEnd()
    {
        var end = RunEnd(Start, Kind.WhiteSpace);
        return end < _text.Length && end - Start > 1 ? end - 1 : end;
    }

    private readonly int RunEnd(int at, Kind kind)
    {
        while (at < _text.Length && KindAt(at, out var length) == kind)
            at += length;
        return at;
    }

    private readonly Kind KindAt(int at, out int length)
    {
        Rune.DecodeFromUtf16(_text[at..], out var rune, out length);
        if (Rune.IsWhiteSpace(rune))
            return Kind.WhiteSpace;
        if (Rune.IsLetter(rune))
            return Kind.Letter;

        return Rune.IsNumber(rune) ? Kind.Number : Kind.Other;
    }
}
