namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A sentence whose words are tagged, window by window.</summary>
/// <param name="Words">Its words, without invisible characters at their edges.</param>
/// <param name="Tags">The right tag of each word; null when scoring, or if the labels contradict the text.</param>
/// <param name="TaggedTokens">For each part, the words that are tagged in it and the position of each word's first token.</param>
internal sealed record TaggedSentence(
    IReadOnlyList<ExamplePart> Parts, IReadOnlyList<Word> Words, string[]? Tags, IReadOnlyList<IReadOnlyList<(int Word, int Token)>> TaggedTokens)
    : Example(Parts, IsTruncated: false)
{
    public bool HasContradiction { get; init; }

    public override bool IsMisaligned => HasContradiction;

    public override IEnumerable<string> Labels => Tags ?? [];

    /// <summary>A sentence for each window, with the words that are tagged there.</summary>
    public override IEnumerable<Example> Split()
    {
        if (HasContradiction)
            return [];
        return Parts.Count == 1 ? [this] : Parts.Select((part, i) =>
        {
            int[] words = [.. TaggedTokens[i].Select(t => t.Word)];
            return new TaggedSentence(
                [part], [.. words.Select(w => Words[w])], [.. words.Select(w => Tags![w])], [[.. TaggedTokens[i].Select((t, word) => (word, t.Token))]]);
        });
    }
}

/// <summary>The tags of a sentence.</summary>
/// <param name="Tags">Index of each word's tag.</param>
/// <param name="Probabilities">The probability of each.</param>
/// <param name="Entities">What the tags say together, in order.</param>
internal sealed record TagPrediction(int[] Tags, float[] Probabilities, IReadOnlyList<EntitySpan> Entities) : Prediction;
