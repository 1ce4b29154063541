using System.Text;

namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>The words of a normalised text, one after the other: runs between white space, each punctuation mark a word of its own.</summary>
/// <remarks>Microsoft.ML.Tokenizers' pre-tokenizer for BERT drops symbols, emoji, fractions: whatever is neither <c>\w</c> nor <c>\p{P}</c>.</remarks>
internal ref struct BertWords(ReadOnlySpan<char> text)
{
    private readonly ReadOnlySpan<char> _text = text;

    public int Start { get; private set; }

    public int End { get; private set; }

    /// <summary>Characters of the word, a surrogate pair being one.</summary>
    public int CodePoints { get; private set; }

    public bool MoveNext()
    {
        Start = End;
        CodePoints = 0;
        while (End < _text.Length)
        {
            Rune.DecodeFromUtf16(_text[End..], out var rune, out var length);
            if (Rune.IsWhiteSpace(rune))
            {
                if (CodePoints > 0)
                    return true;
                Start = End += length;
            }
            else if (IsPunctuation(rune))
            {
                if (CodePoints > 0)
                    return true;
                End += length;
                CodePoints = 1;
                return true;
            }
            else
            {
                End += length;
                CodePoints++;
            }
        }

        return CodePoints > 0;
    }

    private static bool IsPunctuation(Rune rune) => rune.IsAscii
        ? rune.Value > ' ' && rune.Value < 0x7F && !char.IsAsciiLetterOrDigit((char)rune.Value)
        : Rune.IsPunctuation(rune);
}
