using System.Runtime.InteropServices;
using System.Text;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>A normalised text with, for each character, the characters of the original that it came from.</summary>
internal sealed class NormalizedText(int capacity)
{
    private const char CombiningDotAbove = '\u0307';

    private readonly List<char> _characters = new(capacity);
    private readonly List<(int Start, int End)> _origins = new(capacity);

    public ReadOnlySpan<char> Characters => CollectionsMarshal.AsSpan(_characters);

    /// <summary>The token that stands for normalised characters <paramref name="start"/> to <paramref name="end"/>, in offsets of the original.</summary>
    public Token Locate(int id, int start, int end)
    {
        var origin = OriginOf(start, end);
        return new Token(id, origin.Start, origin.End - origin.Start);
    }

    /// <summary>Which original characters normalised ones, <paramref name="start"/> to <paramref name="end"/>, stand for.</summary>
    public (int Start, int End) OriginOf(int start, int end) => (_origins[start].Start, _origins[end - 1].End);

    /// <summary>Adds a character that stands for original characters <paramref name="start"/> to <paramref name="end"/>.</summary>
    public void Add(char character, int start, int end)
    {
        _characters.Add(character);
        _origins.Add((start, end));
    }

    public void Add(Rune rune, int start, int end)
    {
        Span<char> characters = stackalloc char[2];
        foreach (var character in characters[..rune.EncodeToUtf16(characters)])
            Add(character, start, end);
    }

    public void AddLowerCase(Rune rune, int start, int end)
    {
        if (rune.Value != 'İ')
        {
            Add(Rune.ToLowerInvariant(rune), start, end);
            return;
        }

        // The one capital whose lower case is two characters, which invariant casing leaves as it is.
        Add('i', start, end);
        Add(CombiningDotAbove, start, end);
    }

    /// <summary>Takes a character away from the end, however often it stands there.</summary>
    public void TrimEnd(char character)
    {
        var length = Characters.TrimEnd(character).Length;
        CollectionsMarshal.SetCount(_characters, length);
        CollectionsMarshal.SetCount(_origins, length);
    }

    /// <summary>Lets the last character stand for the original up to <paramref name="end"/> as well: an accent that was stripped from it.</summary>
    public void ExtendLast(int end)
    {
        if (_origins.Count > 0)
            _origins[^1] = _origins[^1] with { End = end };
    }
}
