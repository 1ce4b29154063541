namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>What all kinds of subword tokenizers share: special tokens in the text and around it, truncation, the files they came from.</summary>
internal abstract class SubwordTokenizer(int vocabularySize, SpecialTokenLayout layout, IReadOnlyList<string> files) : TextTokenizer
{
    public override int VocabularySize { get; } = Math.Max(vocabularySize, layout.LargestId + 1);

    public override int PadId => layout.Pad;

    public override int SeparatorId => layout.Separator;

    public override int? MaskId => layout.Mask;

    public override GenerationTokens? Generation => layout.Generation;

    public override int FirstStart => layout.Before.Length;

    public override IReadOnlyList<string> Files => files;

    /// <summary>Ids that stand for no text.</summary>
    protected IReadOnlySet<int> SpecialIds => layout.Special;

    public sealed override IReadOnlyList<Token> Tokenize(string text) => TokenizeParts(text, asWord: false);

    public sealed override IReadOnlyList<Token> TokenizeWord(string word) => TokenizeParts(word, asWord: true);

    public override int SpecialTokens(bool pair) => layout.Count(pair);

    public override EncodedText Surround(IReadOnlyList<Token> first, IReadOnlyList<Token>? second)
    {
        ArgumentNullException.ThrowIfNull(first);
        return layout.Surround(first, first.Count, second, second?.Count ?? 0);
    }

    public override EncodedText Encode(string first, string? second, int maxLength, Truncation truncation = Truncation.LongestFirst)
    {
        var special = layout.Count(second is not null);
        if (maxLength < Math.Max(1, special))
        {
            throw new ArgumentOutOfRangeException(nameof(maxLength), maxLength,
                $"{(second is null ? "A text" : "A pair of texts")} takes {special} special tokens, but the maximum length is {maxLength} tokens. " +
                "Raise the maximum length.");
        }

        var room = maxLength - special;
        var firstTokens = Needed(first, room);
        var secondTokens = second is null ? null : Needed(second, room);
        var (keptFirst, keptSecond) = PairTruncation.Keep(firstTokens.Count, secondTokens?.Count, room, truncation);

        return layout.Surround(firstTokens, keptFirst, secondTokens, keptSecond);
    }

    /// <summary>Tokens of a text in which no special token is spelled.</summary>
    /// <param name="text">Not null.</param>
    /// <param name="asWord">Whether it is a word that a space stands before.</param>
    protected abstract IReadOnlyList<Token> TokenizePlain(string text, bool asWord);

    /// <remarks>If the beginning of a text remains, more tokens than one above the room do not change the result.</remarks>
    private IReadOnlyList<Token> Needed(string text, int room) => layout.KeepsEnd ? Tokenize(text) : TokenizeStart(text, room + 1);

    private IReadOnlyList<Token> TokenizeParts(string text, bool asWord)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (layout.Spelled.Count == 0)
            return TokenizePlain(text, asWord);

        var tokens = new List<Token>();
        for (var parts = new TextParts(text, layout.Spelled); parts.MoveNext();)
        {
            var start = parts.Start;
            if (parts.Token is { } special)
                tokens.Add(new Token(special.Id, start, parts.End - start));
            else
                tokens.AddRange(TokenizePlain(text[start..parts.End], asWord && start == 0).Select(token => token with { Start = token.Start + start }));
        }

        return tokens;
    }
}
