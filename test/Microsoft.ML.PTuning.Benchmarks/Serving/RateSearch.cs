namespace Microsoft.ML.PTuning.Benchmarks.Serving;

/// <summary>Finds the rate of requests that a service keeps up with: all are predicted, 99 of 100 within a time.</summary>
/// <remarks>
/// The rate is doubled until the service fails, then bisected. A try takes some seconds, less if it is lost. A rate has failed when two tries have, because
/// a hiccup of the machine may make one in a hundred late.
/// </remarks>
internal static class RateSearch
{
    public const double MostMilliseconds = 50;

    private const double LateShare = 0.01, Precision = 1.05;
    private const int MostTries = 14;

    private const double Requests = 600, LeastSeconds = 3, MostSeconds = 10; // Of a try.

    /// <param name="first">The rate to begin with, below what is expected.</param>
    /// <returns>The greatest rate that was kept, and its 99th percentile in milliseconds; 0 and NaN if none was.</returns>
    public static (double Rate, double P99) Find(LoadGenerator load, double first)
    {
        var (kept, failed, p99) = (0.0, double.PositiveInfinity, double.NaN);
        for (var (tries, rate) = (0, first); tries < MostTries && failed > kept * Precision; tries++)
        {
            if ((Keeps(load, rate) ?? Keeps(load, rate)) is { } percentile)
                (kept, p99) = (rate, percentile);
            else
                failed = rate;
            rate = double.IsInfinity(failed) ? 2 * kept : kept == 0 ? failed / 2 : Math.Sqrt(kept * failed);
        }
        return (kept, p99);
    }

    /// <returns>The 99th percentile in milliseconds; null if too many were late.</returns>
    private static double? Keeps(LoadGenerator load, double rate)
    {
        var time = TimeSpan.FromSeconds(Math.Clamp(Requests / rate, LeastSeconds, MostSeconds));
        var result = load.Open(rate, time, (answers, expected) => answers.Count(IsLate) > LateShare * expected);
        return result.All.Count(IsLate) <= LateShare * result.All.Count ? LoadResult.Percentile(result.All, 1 - LateShare) : null;
    }

    private static bool IsLate(Sent sent) => !sent.IsPredicted || sent.Milliseconds > MostMilliseconds;
}
