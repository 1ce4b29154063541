using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tests.Tool;

[TestClass]
public sealed class PairedTestTests
{
    [TestMethod]
    public void McNemar_is_the_two_sided_binomial_tail()
    {
        // One row only the first has right, nine only the second: 2 (C(10, 0) + C(10, 1)) / 2^10.
        double[] first = [1, .. Enumerable.Repeat(0.0, 9), 1, 1], second = [0, .. Enumerable.Repeat(1.0, 9), 1, 1];

        var test = PairedTest.Of(first, second, seed: 1);

        Assert.AreEqual(22 / 1024.0, test.McNemar!.Value, 1e-12);
        Assert.AreEqual((1, 9), (test.OnlyFirst, test.OnlySecond));
    }

    [TestMethod]
    public void Equal_models_differ_by_chance_alone() => Assert.AreEqual(1, PairedTest.Of([1, 0, 1], [1, 0, 1], seed: 1).McNemar);

    [TestMethod]
    public void Interval_is_that_of_the_mean_for_many_rows()
    {
        var random = new Random(5);
        double[] first = [.. Enumerable.Range(0, 2000).Select(_ => random.NextDouble())], second = [.. first.Select(value => value + random.NextDouble())];
        double[] differences = [.. first.Zip(second, (a, b) => b - a)];
        var mean = differences.Average();
        var error = Math.Sqrt(differences.Sum(d => (d - mean) * (d - mean)) / (differences.Length - 1) / differences.Length);

        var test = PairedTest.Of(first, second, seed: 1);

        Assert.IsNull(test.McNemar);
        // The normal interval; the bootstrap's ends vary by some hundredths of it (10,000 resamples), and by the skew, which is of the order 1/rows.
        Assert.AreEqual(mean - 1.96 * error, test.Low, 0.1 * error);
        Assert.AreEqual(mean + 1.96 * error, test.High, 0.1 * error);
    }
}
