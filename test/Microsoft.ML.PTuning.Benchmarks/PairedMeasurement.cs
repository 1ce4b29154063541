using System.Diagnostics;

namespace Microsoft.ML.PTuning.Benchmarks;

/// <summary>Compares two ways of doing a thing by running them in turn, so that what else the machine does meets both alike.</summary>
internal static class PairedMeasurement
{
    /// <summary>Fewest pairs that a median is taken of.</summary>
    public const int Pairs = 5;

    /// <summary>Runs each once untimed, then in pairs; which goes first alternates.</summary>
    /// <param name="a">What is compared against.</param>
    /// <param name="b">What should be faster.</param>
    /// <param name="pairs">How many pairs, at least 5.</param>
    /// <returns>Time of <paramref name="a"/> by time of <paramref name="b"/>.</returns>
    public static Ratio Measure(Action a, Action b, int pairs = Pairs)
    {
        a();
        b();
        return Compare(() => Seconds(a), () => Seconds(b), "s", pairs);
    }

    /// <summary>Compares rows a second; both do the same rows, each once untimed before.</summary>
    /// <param name="a">What should be faster.</param>
    /// <param name="b">What is compared against.</param>
    /// <returns>Rows a second of <paramref name="a"/> by those of <paramref name="b"/>.</returns>
    public static Ratio Rates(int rows, Action a, Action b)
    {
        a();
        b();
        return Compare(() => rows / Seconds(a), () => rows / Seconds(b), "rows/s");
    }

    /// <summary>Takes two quantities in pairs; which is taken first alternates.</summary>
    /// <param name="a">What is compared against.</param>
    /// <param name="unit">What both are counted in.</param>
    /// <returns><paramref name="a"/> by <paramref name="b"/>.</returns>
    public static Ratio Compare(Func<double> a, Func<double> b, string unit, int pairs = Pairs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pairs, Pairs);

        var (takenA, takenB) = (new double[pairs], new double[pairs]);
        for (var pair = 0; pair < pairs; pair++)
        {
            if (pair % 2 == 0)
                (takenA[pair], takenB[pair]) = (a(), b());
            else
                (takenB[pair], takenA[pair]) = (b(), a());
        }
        return Ratio.Of(takenA.Zip(takenB, (first, second) => first / second)) with
        {
            Note = FormattableString.Invariant($"{Ratio.MedianOf(takenA):G4} {unit} by {Ratio.MedianOf(takenB):G4} {unit}"),
        };
    }

    public static double Seconds(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
