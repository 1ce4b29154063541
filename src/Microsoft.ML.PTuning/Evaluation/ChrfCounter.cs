using System.Text;

namespace Microsoft.ML.PTuning.Evaluation;

/// <summary>Counts the character n-grams of all rows for chrF (Popović 2015), as sacreBLEU does by default (Post 2018).</summary>
/// <remarks>A character is a Unicode code point. White space is left out.</remarks>
/// <param name="beta">How many times as much recall weighs as precision.</param>
internal sealed class ChrfCounter(double beta = 2)
{
    private const int Order = 6;

    private readonly NgramMatch[] _matches = new NgramMatch[Order];

    /// <summary>F of the mean precision and the mean recall over the lengths of n-grams that both sides have.</summary>
    public double Score => Measure(_matches);

    /// <param name="references">One or more; the one with the highest score for this row counts.</param>
    public void Add(string predicted, IReadOnlyList<string> references)
    {
        var ngrams = Count(predicted);
        var best = references.Select(reference => Match(ngrams, Count(reference))).MaxBy(Measure)!;
        for (var i = 0; i < Order; i++)
            _matches[i] = _matches[i].Plus(best[i]);
    }

    private double Measure(NgramMatch[] matches)
    {
        NgramMatch[] common = [.. matches.Where(match => match.Predicted > 0 && match.Reference > 0)];
        if (common.Sum(match => match.Right) == 0)
            return 0;

        var precision = common.Average(match => (double)match.Right / match.Predicted);
        var recall = common.Average(match => (double)match.Right / match.Reference);
        return (1 + (beta * beta)) * precision * recall / ((beta * beta * precision) + recall);
    }

    private static NgramCounts[] Count(string text)
    {
        string[] characters = [.. text.EnumerateRunes().Where(rune => !Rune.IsWhiteSpace(rune)).Select(rune => rune.ToString())];
        return [.. Enumerable.Range(1, Order).Select(n => new NgramCounts(characters, n))];
    }

    // Predicted n-grams that are longer than the whole reference are not counted.
    private static NgramMatch[] Match(NgramCounts[] predicted, NgramCounts[] reference) =>
    [
        .. predicted.Zip(reference, (found, right) => right.Total == 0 ? default : new NgramMatch(found.CountIn(right), found.Total, right.Total)),
    ];

    /// <summary>N-grams of one length: those that both sides have, those of the predictions, those of the references.</summary>
    private readonly record struct NgramMatch(long Right, long Predicted, long Reference)
    {
        public NgramMatch Plus(NgramMatch other) => new(Right + other.Right, Predicted + other.Predicted, Reference + other.Reference);
    }
}
