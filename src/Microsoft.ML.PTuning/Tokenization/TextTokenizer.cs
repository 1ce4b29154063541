namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>Text to token ids with character offsets, over Microsoft.ML.Tokenizers. Safe for any number of threads.</summary>
internal abstract class TextTokenizer
{
    public abstract int VocabularySize { get; }

    public abstract int PadId { get; }

    /// <summary>Tokens of a text alone, without special tokens. Special tokens written out in the text are plain text.</summary>
    public abstract IReadOnlyList<Token> Tokenize(string text);

    /// <summary>How many special tokens stand around a text, or around a pair of texts.</summary>
    public abstract int SpecialTokens(bool pair);

    /// <summary>A text, or a pair, with its special tokens, cut to <paramref name="maxLength"/> tokens.</summary>
    public abstract EncodedText Encode(string first, string? second, int maxLength, Truncation truncation = Truncation.LongestFirst);
}
