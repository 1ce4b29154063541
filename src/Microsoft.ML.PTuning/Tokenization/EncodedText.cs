namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>One token of a text.</summary>
/// <param name="Id">Its id in the vocabulary.</param>
/// <param name="Start">Where its characters begin in the original string.</param>
/// <param name="Length">How many characters of the original string it stands for; 0 for special tokens, and for a space that SentencePiece adds.</param>
internal readonly record struct Token(int Id, int Start, int Length);

/// <summary>A text or a pair of texts with its special tokens, as an encoder takes it.</summary>
/// <param name="Tokens">Tokens; offsets point into the text that the token's segment names.</param>
/// <param name="Segments">Segment ids, one per token: 0, or 1 in the second text of a pair for families with two segments.</param>
/// <param name="SecondStart">Index of the first token of the second text; the number of tokens where there is none.</param>
/// <param name="DroppedTokens">The number of tokens that truncation dropped, or fewer: the end of a long text is not read.</param>
internal sealed record EncodedText(Token[] Tokens, int[] Segments, int SecondStart, int DroppedTokens);

/// <summary>Which text of a pair is shortened if both together are too long.</summary>
internal enum Truncation
{
    /// <summary>The longer text (the second if both are equally long) loses its last token, again and again, until both fit.</summary>
    LongestFirst,

    /// <summary>Only the second text is shortened. If the first alone does not fit, encoding fails.</summary>
    OnlySecond,
}
