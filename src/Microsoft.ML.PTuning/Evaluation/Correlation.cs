namespace Microsoft.ML.PTuning.Evaluation;

/// <summary>Correlation of two samples, pair by pair. NaN where one of them is constant: it is not defined there.</summary>
internal static class Correlation
{
    /// <summary>Pearson's product-moment correlation (Pearson 1895), in two passes.</summary>
    /// <exception cref="ArgumentException">The samples are of different size, or there are fewer than two pairs.</exception>
    public static double Pearson(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        if (x.Count != y.Count || x.Count < 2)
            throw new ArgumentException($"Expected two samples of one size, two values or more; found {x.Count} and {y.Count} values.", nameof(y));
        if (IsConstant(x) || IsConstant(y)) // Checked on the values, because the rounded mean would hide it in the sums.
            return double.NaN;

        var (meanX, meanY) = (x.Average(), y.Average());
        double xx = 0, yy = 0, xy = 0;
        for (var i = 0; i < x.Count; i++)
        {
            var (dx, dy) = (x[i] - meanX, y[i] - meanY);
            xx += dx * dx;
            yy += dy * dy;
            xy += dx * dy;
        }
        return Math.Clamp(xy / Math.Sqrt(xx * yy), -1, 1);
    }

    /// <summary>Spearman's rank correlation (Spearman 1904): Pearson's of the ranks.</summary>
    /// <inheritdoc cref="Pearson"/>
    public static double Spearman(IReadOnlyList<double> x, IReadOnlyList<double> y) => Pearson(Ranks(x), Ranks(y));

    /// <summary>The place of each value in ascending order, from 1; equal values share the mean of their places.</summary>
    public static double[] Ranks(IReadOnlyList<double> values)
    {
        var sorted = values.ToArray();
        var order = Enumerable.Range(0, sorted.Length).ToArray();
        Array.Sort(sorted, order);

        var ranks = new double[sorted.Length];
        for (int first = 0, next; first < sorted.Length; first = next)
        {
            next = first + 1;
            while (next < sorted.Length && sorted[next] == sorted[first])
                next++;
            for (var place = first; place < next; place++)
                ranks[order[place]] = (first + 1 + next) / 2.0;
        }
        return ranks;
    }

    private static bool IsConstant(IReadOnlyList<double> values) => values.All(value => value == values[0]);
}
