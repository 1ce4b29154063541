using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Explaining;

/// <summary>Gathers the numbers of tokens to the words of their text: white space ends a word, a punctuation mark or a Chinese character is one.</summary>
internal static class WordWeights
{
    /// <param name="tokens">Tokens of the text, in order.</param>
    /// <param name="weights">A number for each token of the row.</param>
    /// <returns>The words that have a token, and their sums. A token of several words counts for the first.</returns>
    public static IReadOnlyList<(Word Word, double Weight)> Gather(string text, IEnumerable<TextToken> tokens, IReadOnlyList<double> weights)
    {
        var words = SentenceWords.Split(text, WordSource.PunctuationApart);
        var sums = new double?[words.Count];
        foreach (var token in tokens)
        {
            var word = IndexOf(words, token);
            if (word >= 0)
                sums[word] = (sums[word] ?? 0) + weights[token.Index];
        }
        return [.. words.Zip(sums).Where(pair => pair.Second is not null).Select(pair => (pair.First, pair.Second!.Value))];
    }

    /// <returns>-1 for special tokens, and for spaces that are tokens.</returns>
    private static int IndexOf(IReadOnlyList<Word> words, TextToken token)
    {
        for (var i = 0; i < words.Count; i++)
            if (words[i].End > token.Start)
                return words[i].Start < token.Start + token.Length ? i : -1;
        return -1;
    }
}
