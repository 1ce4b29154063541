namespace Microsoft.ML.PTuning;

/// <summary>How well scores follow labels: the two correlations that semantic similarity is measured by.</summary>
/// <remarks>
/// A correlation with a constant is not defined: both are NaN, never 0, where all labels or all scores are equal.
/// (STS-B: Cer et al. 2017; GLUE: Wang et al. 2019.)
/// </remarks>
public sealed class SimilarityMetrics
{
    internal SimilarityMetrics(double pearson, double spearman, int count, int skippedRows) =>
        (Pearson, Spearman, Count, SkippedRows) = (pearson, spearman, count, skippedRows);

    /// <summary>Pearson's r, -1 to 1: how near to a straight line.</summary>
    public double Pearson { get; }

    /// <summary>Spearman's rho, -1 to 1: Pearson's r of the ranks, equal values sharing the mean of their ranks.</summary>
    public double Spearman { get; }

    /// <summary>Rows that were measured.</summary>
    public int Count { get; }

    /// <summary>Rows that were left out because their label is missing (NaN).</summary>
    public int SkippedRows { get; }
}
