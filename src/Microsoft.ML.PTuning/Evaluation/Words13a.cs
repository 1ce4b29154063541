using System.Text.RegularExpressions;

namespace Microsoft.ML.PTuning.Evaluation;

/// <summary>Splits text into words as mteval-v13a does, NIST's script for BLEU: the scheme "13a" of sacreBLEU (Post 2018).</summary>
/// <remarks>ASCII's symbols are words. Case stays. Text without spaces, such as Chinese or Japanese, is not split.</remarks>
internal static partial class Words13a
{
    public static string[] Split(string text)
    {
        var line = text.TrimEnd()
            .Replace("<skipped>", "", StringComparison.Ordinal)
            .Replace("-\n", "", StringComparison.Ordinal) // A word that was hyphenated at the end of a line.
            .Replace('\n', ' ')
            .Replace("&quot;", "\"", StringComparison.Ordinal)
            .Replace("&amp;", "&", StringComparison.Ordinal)
            .Replace("&lt;", "<", StringComparison.Ordinal)
            .Replace("&gt;", ">", StringComparison.Ordinal);

        line = Symbol().Replace($" {line} ", " $0 ");
        line = PointBehindNoDigit().Replace(line, "$1 $2 ");
        line = PointBeforeNoDigit().Replace(line, " $1 $2");
        line = DashBehindDigit().Replace(line, "$1 $2 ");
        return line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
    }

    // All of ASCII's but ' , - and the point.
    [GeneratedRegex(@"[!-&(-+/:-@\[-`{-~]")]
    private static partial Regex Symbol();

    // These two take the neighbour with them, as the script does: of two points before a digit the second one stays with it.
    [GeneratedRegex("([^0-9])([.,])")]
    private static partial Regex PointBehindNoDigit();

    [GeneratedRegex("([.,])([^0-9])")]
    private static partial Regex PointBeforeNoDigit();

    [GeneratedRegex("([0-9])(-)")]
    private static partial Regex DashBehindDigit();
}
