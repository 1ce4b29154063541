namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>A special token that a text may spell, as users of GLM write [MASK].</summary>
/// <param name="EatsBefore">Whether the white space before it belongs to it.</param>
/// <param name="EatsAfter">Whether the white space behind it belongs to it.</param>
internal sealed record SpelledToken(string Text, int Id, bool EatsBefore, bool EatsAfter);

/// <summary>The parts of a text, one after the other: plain text, and the special tokens that it spells.</summary>
/// <remarks>The token that begins first counts, of those the longest. White space that a token eats is in no part.</remarks>
internal ref struct TextParts(string text, IReadOnlyList<SpelledToken> spelled)
{
    private readonly string _text = text;
    private readonly IReadOnlyList<SpelledToken> _spelled = spelled;
    private readonly char[] _firsts = [.. spelled.SelectMany(token => token.Text.Take(1)).Distinct()];
    private int _next;
    private SpelledToken? _found;
    private int _foundAt;

    public int Start { get; private set; }

    public int End { get; private set; }

    /// <summary>The special token; null for plain text.</summary>
    public SpelledToken? Token { get; private set; }

    public bool MoveNext()
    {
        if (_found is { } found)
        {
            (Token, _found, Start, End) = (found, null, _foundAt, _foundAt + found.Text.Length);
            _next = End;
            return true;
        }

        if (_next == _text.Length)
            return false;

        var eats = Token is { EatsAfter: true };
        Token = null;
        (_found, _foundAt) = Find(_next);
        (Start, End) = (_next, _foundAt);
        while (eats && Start < End && char.IsWhiteSpace(_text[Start]))
            Start++;
        while (_found is { EatsBefore: true } && Start < End && char.IsWhiteSpace(_text[End - 1]))
            End--;
        _next = _foundAt;
        return Start < End || MoveNext();
    }

    private readonly (SpelledToken? Token, int At) Find(int from)
    {
        for (var at = from; (at = _text.IndexOfAny(_firsts, at)) >= 0; at++)
        {
            SpelledToken? longest = null;
            foreach (var token in _spelled)
            {
                if (token.Text.Length > (longest?.Text.Length ?? 0) && string.CompareOrdinal(_text, at, token.Text, 0, token.Text.Length) == 0)
                    longest = token;
            }

            if (longest is not null)
                return (longest, at);
        }

        return (null, _text.Length);
    }
}
