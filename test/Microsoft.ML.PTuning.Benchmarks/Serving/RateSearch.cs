namespace Microsoft.ML.PTuning.Benchmarks.Serving;

/// <summary>Finds the rate of requests that a service keeps up with: all are predicted, 99 of 100 within a time.</summary>
/// <remarks>The rate is doubled until the service fails, then bisected. A try takes some seconds, less if it is lost.</remarks>
internal static class RateSearch
{
    public const double MostMilliseconds = 50;

    private const double LateShare = 0.01, Precision = 1.05;
    private const int MostTries = 14;

    private static readonly TimeSpan Try = TimeSpan.FromSeconds(3);

    /// <param name="first">The rate to begin with, below what is expected.</param>
    /// <returns>The greatest rate that was kept, and its 99th percentile in milliseconds; 0 and NaN if none was.</returns>
    public static (double Rate, double P99) Find(LoadGenerator load, double first)
    {
        var (kept, failed, p99) = (0.0, double.PositiveInfinity, double.NaN);
        for (var (tries, rate) = (0, first); tries < MostTries && failed > kept * Precision; tries++)
        {
            var result = load.Open(rate, Try, (answers, expected) => answers.Count(IsLate) > LateShare * expected);
            if (result.All.Count(IsLate) <= LateShare * result.All.Count)
                (kept, p99) = (rate, LoadResult.Percentile(result.All, 1 - LateShare));
            else
                failed = rate;
            rate = double.IsInfinity(failed) ? 2 * kept : kept == 0 ? failed / 2 : Math.Sqrt(kept * failed);
        }
        return (kept, p99);
    }

    private static bool IsLate(Sent sent) => !sent.IsPredicted || sent.Milliseconds > MostMilliseconds;
}
