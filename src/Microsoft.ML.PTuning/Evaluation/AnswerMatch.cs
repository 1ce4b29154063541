using System.Text.RegularExpressions;

namespace Microsoft.ML.PTuning.Evaluation;

/// <summary>How well an answer matches the reference answers: SQuAD's exact match and F1 (Rajpurkar et al. 2016, 2018).</summary>
/// <remarks>
/// It counts as the official evaluation script of version 2.0; the empty text is "no answer". References that are empty after normalisation are dropped;
/// if none remains, "no answer" is right. (The script of version 1.1 differs only in those references.)
/// </remarks>
internal static partial class AnswerMatch
{
    // Python's string.punctuation.
    private const string Punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

    /// <summary>Whether the answer is one of the references, both normalised.</summary>
    public static bool ExactMatch(string predicted, IReadOnlyList<string> golds)
    {
        var words = Words(predicted);
        return References(golds).Any(gold => gold.SequenceEqual(words));
    }

    /// <summary>F1 of the answer's words and a reference's as bags, the highest over the references.</summary>
    public static double F1(string predicted, IReadOnlyList<string> golds)
    {
        var words = Words(predicted);
        return References(golds).Max(gold => F1(words, gold));
    }

    /// <summary>Lower case, without punctuation, without the articles, one space between words.</summary>
    public static string Normalize(string answer) => string.Join(' ', Words(answer));

    private static string[] Words(string answer)
    {
        var plain = string.Concat(answer.ToLowerInvariant().Where(c => !Punctuation.Contains(c)));
        return Article().Replace(plain, " ").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
    }

    private static List<string[]> References(IReadOnlyList<string> golds)
    {
        var references = golds.Select(Words).Where(words => words.Length > 0).ToList();
        return references.Count > 0 ? references : [[]];
    }

    private static double F1(string[] predicted, string[] gold)
    {
        if (predicted.Length == 0 || gold.Length == 0)
            return predicted.Length == gold.Length ? 1 : 0;

        var unmatched = gold.GroupBy(word => word).ToDictionary(words => words.Key, words => words.Count());
        var common = 0;
        foreach (var word in predicted)
        {
            if (unmatched.TryGetValue(word, out var count) && count > 0)
            {
                unmatched[word] = count - 1;
                common++;
            }
        }
        return 2.0 * common / (predicted.Length + gold.Length); // 2PR / (P + R), with P and R of these counts.
    }

    // Python's \b: letters and numbers make words, combining marks do not.
    [GeneratedRegex(@"(?<![\p{L}\p{N}])(a|an|the)(?![\p{L}\p{N}])")]
    private static partial Regex Article();
}
