namespace Microsoft.ML.PTuning.Benchmarks;

/// <summary>How one thing compares with another, over several pairs of runs.</summary>
/// <param name="Median">The median of the pairs' ratios.</param>
/// <param name="Low">The least of them.</param>
/// <param name="High">The greatest of them.</param>
internal readonly record struct Ratio(double Median, double Low, double High)
{
    /// <summary>What the ratios came from, in absolute numbers; null for nothing to tell.</summary>
    public string? Note { get; init; }

    /// <param name="ratios">One a pair, in any order.</param>
    public static Ratio Of(IEnumerable<double> ratios)
    {
        double[] sorted = [.. ratios.Order()];
        return new Ratio(MedianOf(sorted), sorted[0], sorted[^1]);
    }

    public static double MedianOf(IEnumerable<double> numbers)
    {
        double[] sorted = [.. numbers.Order()];
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
