using System.Diagnostics;

namespace Microsoft.ML.PTuning.Benchmarks;

/// <summary>Compares two ways of doing a thing by running them in turn, so that what else the machine does meets both alike.</summary>
internal static class PairedMeasurement
{
    /// <summary>Runs each once untimed, then in pairs; which goes first alternates.</summary>
    /// <param name="a">What is compared against.</param>
    /// <param name="b">What should be faster.</param>
    /// <param name="pairs">How many pairs, at least 5.</param>
    /// <returns>Time of <paramref name="a"/> by time of <paramref name="b"/>.</returns>
    public static Ratio Measure(Action a, Action b, int pairs = 5)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pairs, 5);

        a();
        b();
        return Ratio.Of(Enumerable.Range(0, pairs).Select(pair => pair % 2 == 0 ? Compare(a, b) : 1 / Compare(b, a)));
    }

    private static double Compare(Action first, Action second) => Time(first) / Time(second);

    private static double Time(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
