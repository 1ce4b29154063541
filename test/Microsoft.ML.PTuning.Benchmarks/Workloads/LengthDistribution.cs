namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>Lengths as those of real texts: lognormal.</summary>
/// <param name="Mean">Mean length.</param>
/// <param name="Longest">Longer ones are cut to it.</param>
internal sealed record LengthDistribution(double Mean, int Longest = 128)
{
    private const double Deviation = 0.6; // Of the logarithm.

    public int Draw(Random random)
    {
        var normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        var length = (int)Math.Round(Mean * Math.Exp((Deviation * normal) - (Deviation * Deviation / 2)));
        return Math.Clamp(length, 1, Longest);
    }

    /// <summary>Lengths spread as the distribution is, so that few of them stand for many, in random order.</summary>
    public int[] Spread(int count, Random random)
    {
        const int DrawsEach = 101;
        int[] sorted = [.. Enumerable.Range(0, count * DrawsEach).Select(_ => Draw(random)).Order()];
        int[] medians = [.. Enumerable.Range(0, count).Select(i => sorted[(i * DrawsEach) + (DrawsEach / 2)])];
        random.Shuffle(medians);
        return medians;
    }
}
