using Microsoft.ML.PTuning.Evaluation;

namespace Microsoft.ML.PTuning.Tests.Evaluation;

[TestClass]
public sealed class CorrelationTests
{
    [TestMethod]
    public void Pearson_of_a_worked_example()
    {
        // Deviations (-1.5, -0.5, 0.5, 1.5) and (-2, 0, -1, 3): 7 / sqrt(5 * 14).
        Assert.AreEqual(7 / Math.Sqrt(5 * 14), Correlation.Pearson([1, 2, 3, 4], [2, 4, 3, 7]), 1e-15);
    }

    [TestMethod]
    public void Spearman_without_ties_is_the_formula_of_squared_rank_differences()
    {
        // Ranks 1 2 3 4 5 and 2 1 4 3 5: 1 - 6 * 4 / (5 * 24).
        Assert.AreEqual(1 - 6.0 * 4 / (5 * 24), Correlation.Spearman([10, 20, 30, 40, 50], [0.2, 0.1, 9, 3, 1000]), 1e-15);
    }

    [TestMethod]
    public void Spearman_with_ties_is_the_formula_corrected_for_ties()
    {
        double[] x = [1, 2, 2, 3, 3, 3, 9], y = [5, 5, 6, 1, 2, 2, 0];
        double[] ranksX = [1, 2.5, 2.5, 5, 5, 5, 7], ranksY = [5.5, 5.5, 7, 2, 3.5, 3.5, 1];

        // Kendall's formula: (Sx + Sy - sum d²) / (2 sqrt(Sx Sy)), S = (n³ - n - sum over ties (t³ - t)) / 12.
        var squares = ranksX.Zip(ranksY).Sum(pair => (pair.First - pair.Second) * (pair.First - pair.Second));
        var (sx, sy) = ((343 - 7 - (8 - 2) - (27 - 3)) / 12.0, (343 - 7 - (8 - 2) - (8 - 2)) / 12.0);
        Assert.AreEqual((sx + sy - squares) / (2 * Math.Sqrt(sx * sy)), Correlation.Spearman(x, y), 1e-15);
    }

    [TestMethod]
    public void Equal_values_share_the_mean_of_their_places() =>
        CollectionAssert.AreEqual(new[] { 4, 1.5, 4, 1.5, 4, 6 }, Correlation.Ranks([7, -1, 7, -1, 7, 8]));

    [TestMethod]
    [DataRow(2.0, 1.0)]
    [DataRow(-0.1, -1.0)]
    public void A_straight_line_correlates_fully(double slope, double expected)
    {
        double[] x = [0.1, 0.7, 0.2, 0.9];

        Assert.AreEqual(expected, Correlation.Pearson(x, [.. x.Select(value => slope * value + 3)]), 1e-14);
        Assert.AreEqual(expected, Correlation.Spearman(x, [.. x.Select(value => slope * value + 3)]));
    }

    [TestMethod]
    public void A_constant_correlates_with_nothing()
    {
        var constant = Enumerable.Repeat((double)0.1f, 1000).ToArray(); // Its mean rounds to another number.
        var other = Enumerable.Range(0, 1000).Select(i => (double)i).ToArray();

        Assert.AreEqual(double.NaN, Correlation.Pearson(constant, other));
        Assert.AreEqual(double.NaN, Correlation.Spearman(other, constant));
    }

    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(3, 2)]
    public void Samples_without_pairs_are_refused(int x, int y) =>
        Assert.ThrowsExactly<ArgumentException>(() => Correlation.Pearson(new double[x], new double[y]));

    [TestMethod]
    public void Pearson_of_many_values_is_what_pairwise_differences_give()
    {
        var (x, y) = Samples(2000);

        // n sum (xi - mean)(yi - mean) = sum over pairs (xi - xj)(yi - yj): no mean and no single pass over the values.
        double xx = 0, yy = 0, xy = 0;
        for (var i = 0; i < x.Length; i++)
        {
            for (var j = 0; j < i; j++)
            {
                xx += (x[i] - x[j]) * (x[i] - x[j]);
                yy += (y[i] - y[j]) * (y[i] - y[j]);
                xy += (x[i] - x[j]) * (y[i] - y[j]);
            }
        }
        Assert.AreEqual(xy / Math.Sqrt(xx * yy), Correlation.Pearson(x, y), 1e-12);
    }

    [TestMethod]
    public void Spearman_of_many_values_is_what_counting_smaller_values_gives()
    {
        var (x, y) = Samples(2000);
        var (coarseX, coarseY) = (x.Select(value => Math.Round(value)).ToArray(), y.Select(value => Math.Round(value)).ToArray());

        // sign(xi - xj) summed over j is 2 rank - n - 1, whose mean is 0.
        var (ranksX, ranksY) = (SignSums(coarseX), SignSums(coarseY));
        double Sum(double[] a, double[] b) => a.Zip(b).Sum(pair => pair.First * pair.Second);
        Assert.AreEqual(
            Sum(ranksX, ranksY) / Math.Sqrt(Sum(ranksX, ranksX) * Sum(ranksY, ranksY)), Correlation.Spearman(coarseX, coarseY), 1e-12);
    }

    [TestMethod]
    public void Pearson_bears_a_large_offset()
    {
        double[] x = [1, 2, 3, 4], y = [2, 4, 3, 7];

        Assert.AreEqual(7 / Math.Sqrt(5 * 14), Correlation.Pearson([.. x.Select(v => v + 1e9)], [.. y.Select(v => v - 1e9)]), 1e-12);
    }

    private static double[] SignSums(double[] values) => [.. values.Select(a => values.Sum(b => (double)Math.Sign(a - b)))];

    private static (double[] X, double[] Y) Samples(int count)
    {
        var random = new Random(3);
        var x = Enumerable.Range(0, count).Select(_ => 5 * random.NextDouble()).ToArray();
        return (x, [.. x.Select(value => value + 3 * random.NextDouble() + 100)]);
    }
}
