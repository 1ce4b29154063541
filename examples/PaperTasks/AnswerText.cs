using System.Text.RegularExpressions;

namespace PaperTasks;

/// <summary>Compares a predicted answer with right ones as SQuAD's evaluation does: without case, punctuation and articles (Rajpurkar et al. 2016).</summary>
internal static partial class AnswerText
{
    private const string Punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

    /// <returns>1 where one of the right answers has the same words, else 0.</returns>
    public static double ExactMatch(string predicted, IReadOnlyList<string> right)
    {
        string[] words = Words(predicted);
        return right.Any(answer => Words(answer).SequenceEqual(words)) ? 1 : 0;
    }

    /// <returns>The highest F1 of the words with one of the right answers, 0 to 1.</returns>
    public static double F1(string predicted, IReadOnlyList<string> right)
    {
        string[] words = Words(predicted);
        return right.Select(answer => F1(words, Words(answer))).DefaultIfEmpty().Max();
    }

    private static double F1(string[] predicted, string[] right)
    {
        ILookup<string, string> wanted = right.ToLookup(word => word);
        int common = predicted.GroupBy(word => word).Sum(group => Math.Min(group.Count(), wanted[group.Key].Count()));
        return common == 0 ? 0 : 2.0 * common / (predicted.Length + right.Length);
    }

    private static string[] Words(string answer)
    {
        string bare = string.Concat(answer.ToLowerInvariant().Where(character => !Punctuation.Contains(character)));
        return Articles().Replace(bare, " ").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
    }

    [GeneratedRegex(@"\b(a|an|the)\b")]
    private static partial Regex Articles();
}
