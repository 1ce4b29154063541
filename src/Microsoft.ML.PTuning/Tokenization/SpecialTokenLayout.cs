namespace Microsoft.ML.PTuning.Tokenization;

/// <summary>The special tokens and their places.</summary>
/// <remarks>
/// <c>[CLS] A [SEP] B [SEP]</c> for BERT, ALBERT and DeBERTa, <c>&lt;s&gt; A &lt;/s&gt;&lt;/s&gt; B &lt;/s&gt;</c> for RoBERTa, BART and XLM-R,
/// nothing but the text for GPT-2, <c>[CLS] A</c> where GPT-2 has BERT's tokenizer.
/// </remarks>
/// <param name="Before">Ids before the first text.</param>
/// <param name="Between">Ids between the texts of a pair.</param>
/// <param name="After">Ids behind a text alone.</param>
/// <param name="Separator">Id that separates parts of a text.</param>
/// <param name="Pad">Id that fills up a batch.</param>
internal sealed record SpecialTokenLayout(int[] Before, int[] Between, int[] After, int Separator, int Pad)
{
    /// <summary>Ids behind the second text of a pair.</summary>
    public int[] AfterPair { get; init; } = After;

    /// <summary>Segment id of the second text and what stands behind it: 0 for families that do not tell segments apart.</summary>
    public int SecondSegment { get; init; }

    /// <summary>Id that stands for a text without tokens where no special token does.</summary>
    public int? Nothing { get; init; }

    /// <summary>Id of the mask token; null if there is none. It is never put around a text.</summary>
    public int? Mask { get; init; }

    /// <summary>The special tokens that generation takes; null for families that do not generate.</summary>
    public GenerationTokens? Generation { get; init; }

    /// <summary>Special tokens that a text may spell. All others are plain text there.</summary>
    public IReadOnlyList<SpelledToken> Spelled { get; init; } = [];

    /// <summary>Ids that stand for no text.</summary>
    public IReadOnlySet<int> Special { get; init; } = new HashSet<int>();

    /// <summary>Whether a long text loses its beginning instead of its end.</summary>
    public bool KeepsEnd { get; init; }

    public int LargestId => new[] { Separator, Pad, Nothing ?? 0, Mask ?? 0 }
        .Concat(Before).Concat(Between).Concat(After).Concat(AfterPair).Concat(Spelled.Select(token => token.Id)).Concat(Generation?.Ids ?? []).Max();

    /// <summary>A token before the text, and a separator after each text.</summary>
    /// <param name="between">Separators between the texts of a pair.</param>
    public static SpecialTokenLayout Enclosing(int classification, int separator, int pad, int between = 1) =>
        new([classification], [.. Enumerable.Repeat(separator, between)], [separator], separator, pad);

    public int Count(bool pair) => Before.Length + (pair ? Between.Length + AfterPair.Length : After.Length);

    /// <summary>
    /// Puts the special tokens around <paramref name="keptFirst"/> and <paramref name="keptSecond"/> tokens of the texts: their first ones, or
    /// their last ones if <see cref="KeepsEnd"/>.
    /// </summary>
    public EncodedText Surround(IReadOnlyList<Token> first, int keptFirst, IReadOnlyList<Token>? second, int keptSecond)
    {
        var tokens = new List<Token>(keptFirst + keptSecond + Count(second is not null));
        Add(Before);
        AddText(first, keptFirst);
        if (second is null)
        {
            Add(After);
            if (tokens.Count == 0 && Nothing is { } nothing)
                Add([nothing]);
            return new EncodedText([.. tokens], new int[tokens.Count], tokens.Count, first.Count - keptFirst);
        }

        Add(Between);
        var secondStart = tokens.Count;
        AddText(second, keptSecond);
        Add(AfterPair);
        var segments = new int[tokens.Count];
        segments.AsSpan(secondStart).Fill(SecondSegment);
        return new EncodedText([.. tokens], segments, secondStart, first.Count - keptFirst + second.Count - keptSecond);

        void Add(int[] ids) => tokens.AddRange(ids.Select(id => new Token(id, 0, 0)));

        void AddText(IReadOnlyList<Token> text, int count)
        {
            var start = KeepsEnd ? text.Count - count : 0;
            for (var i = 0; i < count; i++)
                tokens.Add(text[start + i]);
        }
    }
}
