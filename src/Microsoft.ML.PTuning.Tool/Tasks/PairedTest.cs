using MathNet.Numerics.Distributions;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>Whether two models differ on the same rows.</summary>
/// <param name="Difference">The second's mean quality less the first's.</param>
/// <param name="Low">The lower end of the difference's 95 % interval (percentile bootstrap over rows; Efron 1979).</param>
/// <param name="High">The upper end.</param>
/// <param name="OnlyFirst">Rows that only the first has right.</param>
/// <param name="OnlySecond">Rows that only the second has right.</param>
/// <param name="McNemar">The two-sided exact p of McNemar's test (1947); null where a row can be half right.</param>
internal sealed record PairedTest(double Difference, double Low, double High, int OnlyFirst, int OnlySecond, double? McNemar)
{
    public const int Resamples = 10_000;

    /// <param name="first">A quality per row, of the first model.</param>
    /// <param name="second">A quality per row, of the second, in the same order.</param>
    public static PairedTest Of(IReadOnlyList<double> first, IReadOnlyList<double> second, int seed)
    {
        double[] differences = [.. first.Zip(second, (a, b) => b - a)];
        var random = new Random(seed);
        var means = new double[Resamples];
        for (var i = 0; i < Resamples; i++)
        {
            var sum = 0.0;
            for (var j = 0; j < differences.Length; j++)
                sum += differences[random.Next(differences.Length)];
            means[i] = sum / differences.Length;
        }

        Array.Sort(means);
        var areRightOrWrong = first.Concat(second).All(quality => quality is 0 or 1);
        var (onlyFirst, onlySecond) = (differences.Count(difference => difference < 0), differences.Count(difference => difference > 0));
        return new PairedTest(
            differences.Average(), means[(int)(0.025 * Resamples)], means[(int)(0.975 * Resamples) - 1], onlyFirst, onlySecond,
            areRightOrWrong ? McNemarOf(onlyFirst, onlySecond) : null);
    }

    private static double McNemarOf(int onlyFirst, int onlySecond) => onlyFirst + onlySecond == 0 ? 1
        : Math.Min(1, 2 * Binomial.CDF(0.5, onlyFirst + onlySecond, Math.Min(onlyFirst, onlySecond)));
}
