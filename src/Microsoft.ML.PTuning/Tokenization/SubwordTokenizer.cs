namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>What all kinds of subword tokenizers share: special tokens around the text, truncation, the files they came from.</summary>
internal abstract class SubwordTokenizer(int vocabularySize, SpecialTokenLayout layout, IReadOnlyList<string> files) : TextTokenizer
{
    public override int VocabularySize { get; } = Math.Max(vocabularySize, layout.LargestId + 1);

    public override int PadId => layout.Pad;

    public override int SeparatorId => layout.Separator;

    public override int? MaskId => layout.Mask;

    public override IReadOnlyList<string> Files => files;

    public override int SpecialTokens(bool pair) => layout.Count(pair);

    public override EncodedText Surround(IReadOnlyList<Token> first, IReadOnlyList<Token>? second)
    {
        ArgumentNullException.ThrowIfNull(first);
        return layout.Surround(first, first.Count, second, second?.Count ?? 0);
    }

    public override EncodedText Encode(string first, string? second, int maxLength, Truncation truncation = Truncation.LongestFirst)
    {
        var special = layout.Count(second is not null);
        if (maxLength < special)
        {
            throw new ArgumentOutOfRangeException(nameof(maxLength), maxLength,
                $"{(second is null ? "A text" : "A pair of texts")} takes {special} special tokens, but the maximum length is {maxLength} tokens. " +
                "Raise the maximum length.");
        }

        // More tokens than one above the room do not change the result.
        var room = maxLength - special;
        var firstTokens = TokenizeStart(first, room + 1);
        var secondTokens = second is null ? null : TokenizeStart(second, room + 1);
        var (keptFirst, keptSecond) = PairTruncation.Keep(firstTokens.Count, secondTokens?.Count, room, truncation);

        return layout.Surround(firstTokens, keptFirst, secondTokens, keptSecond);
    }
}
