using System.Runtime.InteropServices;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>A normalised text that remembers which characters of the original each of its characters came from.</summary>
internal sealed class NormalizedText(int capacity)
{
    private readonly List<char> _characters = new(capacity);
    private readonly List<(int Start, int End)> _origins = new(capacity);

    public ReadOnlySpan<char> Characters => CollectionsMarshal.AsSpan(_characters);

    /// <summary>The token that stands for normalised characters <paramref name="start"/> to <paramref name="end"/>, in offsets of the original.</summary>
    public Token Locate(int id, int start, int end)
    {
        var origin = _origins[start].Start;
        return new Token(id, origin, _origins[end - 1].End - origin);
    }

    /// <summary>Adds a character that stands for original characters <paramref name="start"/> to <paramref name="end"/>.</summary>
    public void Add(char character, int start, int end)
    {
        _characters.Add(character);
        _origins.Add((start, end));
    }

    /// <summary>Lets the last character stand for the original up to <paramref name="end"/> as well: an accent that was stripped from it.</summary>
    public void ExtendLast(int end)
    {
        if (_origins.Count > 0)
            _origins[^1] = _origins[^1] with { End = end };
    }
}
