namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>The special tokens and their places.</summary>
/// <remarks>
/// <c>[CLS] A [SEP] B [SEP]</c> for BERT, ALBERT and DeBERTa, <c>&lt;s&gt; A &lt;/s&gt;&lt;/s&gt; B &lt;/s&gt;</c> for RoBERTa and XLM-R.
/// </remarks>
/// <param name="Classification">Id of the token before the text.</param>
/// <param name="Separator">Id of the token after each text.</param>
/// <param name="Pad">Id that fills up a batch.</param>
/// <param name="SeparatorsBetween">Separators between the texts of a pair.</param>
/// <param name="SecondSegment">Segment id of the second text and its separator: 0 for families that do not tell segments apart.</param>
internal sealed record SpecialTokenLayout(int Classification, int Separator, int Pad, int SeparatorsBetween, int SecondSegment)
{
    /// <summary>Id of the mask token; null if there is none. It is never put around a text.</summary>
    public int? Mask { get; init; }

    public int LargestId => Math.Max(Classification, Math.Max(Separator, Pad));

    public int Count(bool pair) => pair ? 2 + SeparatorsBetween : 2;

    /// <summary>Puts the special tokens around the first <paramref name="keptFirst"/> and <paramref name="keptSecond"/> tokens of the texts.</summary>
    public EncodedText Surround(IReadOnlyList<Token> first, int keptFirst, IReadOnlyList<Token>? second, int keptSecond)
    {
        var tokens = new Token[keptFirst + keptSecond + Count(second is not null)];
        var segments = new int[tokens.Length];

        tokens[0] = new Token(Classification, 0, 0);
        var end = Append(first, keptFirst, EncodedText.FirstStart);
        if (second is null)
            return new EncodedText(tokens, segments, tokens.Length, first.Count - keptFirst);

        for (var between = 1; between < SeparatorsBetween; between++)
            tokens[end++] = new Token(Separator, 0, 0);
        var secondStart = end;
        Append(second, keptSecond, end);
        segments.AsSpan(secondStart).Fill(SecondSegment);

        return new EncodedText(tokens, segments, secondStart, first.Count - keptFirst + second.Count - keptSecond);

        int Append(IReadOnlyList<Token> text, int count, int at)
        {
            for (var i = 0; i < count; i++)
                tokens[at++] = text[i];
            tokens[at++] = new Token(Separator, 0, 0);
            return at;
        }
    }
}
