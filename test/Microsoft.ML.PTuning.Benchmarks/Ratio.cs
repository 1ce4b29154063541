namespace Microsoft.ML.PTuning.Benchmarks;

/// <summary>How many times as fast B is as A, over several pairs of runs.</summary>
/// <param name="Median">The median of the pairs' ratios.</param>
/// <param name="Low">The least of them.</param>
/// <param name="High">The greatest of them.</param>
internal readonly record struct Ratio(double Median, double Low, double High)
{
    /// <param name="ratios">One a pair, in any order.</param>
    public static Ratio Of(IEnumerable<double> ratios)
    {
        double[] sorted = [.. ratios.Order()];
        var middle = sorted.Length / 2;
        var median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Ratio(median, sorted[0], sorted[^1]);
    }
}
