using System.Globalization;
using System.Text;

namespace Microsoft.ML.PTuning.Evaluation;

/// <summary>ROUGE-N and ROUGE-L of two texts (Lin 2004): F1 of what they have in common.</summary>
/// <remarks>
/// Of ASCII text it is what google-research's rouge_score measures without stemming. That program drops all other characters, so accents cut words
/// and Chinese has none. Here letters and digits of all scripts make words.
/// </remarks>
internal static class Rouge
{
    /// <summary>F1 of the n-grams, as bags; 0 if a text is shorter than n words.</summary>
    public static double NgramF1(string[] predicted, string[] reference, int n)
    {
        var (found, right) = (new NgramCounts(predicted, n), new NgramCounts(reference, n));
        return F1(found.CountIn(right), found.Total, right.Total);
    }

    /// <summary>F1 of the longest common subsequence of words, over the whole text: ROUGE-L of the sentence level.</summary>
    public static double SubsequenceF1(string[] predicted, string[] reference) =>
        F1(LongestCommonSubsequence(predicted, reference), predicted.Length, reference.Length);

    /// <summary>The words in lower case: letters, their marks and digits. Each ideograph and each kana is a word.</summary>
    public static string[] Words(string text)
    {
        var (words, wasWord) = (new StringBuilder(text.Length), false);
        foreach (var rune in text.ToLowerInvariant().EnumerateRunes())
        {
            if (IsMark(rune))
            {
                if (words.Length > 0 && words[^1] != ' ')
                    words.Append(rune.ToString());
                continue;
            }
            var isWord = IsIdeographOrKana(rune.Value);
            if (isWord || wasWord)
                words.Append(' ');
            words.Append(Rune.IsLetterOrDigit(rune) ? rune.ToString() : " ");
            wasWord = isWord;
        }
        return words.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    private static int LongestCommonSubsequence(string[] first, string[] second)
    {
        var (above, row) = (new int[second.Length + 1], new int[second.Length + 1]);
        foreach (var word in first)
        {
            for (var i = 1; i <= second.Length; i++)
                row[i] = second[i - 1] == word ? above[i - 1] + 1 : Math.Max(above[i], row[i - 1]);
            (above, row) = (row, above);
        }
        return above[^1];
    }

    private static double F1(int right, int predicted, int reference) => right == 0 ? 0 : 2.0 * right / (predicted + reference);

    private static bool IsMark(Rune rune) => Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;

    // Hiragana, Katakana and its extension; ideographs, with their two planes.
    private static bool IsIdeographOrKana(int codePoint) => codePoint is
        (>= 0x3040 and <= 0x30FF) or (>= 0x31F0 and <= 0x31FF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x4E00 and <= 0x9FFF) or
        (>= 0xF900 and <= 0xFAFF) or (>= 0x20000 and <= 0x3FFFF);
}
