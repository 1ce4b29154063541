namespace Microsoft.ML.PTuning;

/// <summary>How well the right choices were found.</summary>
public sealed class MultipleChoiceMetrics
{
    internal MultipleChoiceMetrics(int correct, int count, double logLoss, int skippedRows) =>
        (CorrectRows, Count, LogLoss, SkippedRows) = (correct, count, logLoss, skippedRows);

    /// <summary>The share of the measured rows whose right choice has the highest score.</summary>
    public double MicroAccuracy => (double)CorrectRows / Count;

    /// <summary>The mean of -ln p over the measured rows, p being the probability of the right choice (1e-15 at least); 0 is perfect.</summary>
    public double LogLoss { get; }

    /// <summary>Measured rows whose right choice has the highest score.</summary>
    public int CorrectRows { get; }

    /// <summary>Rows that were measured.</summary>
    public int Count { get; }

    /// <summary>Rows that were left out because they have no label or no choices.</summary>
    public int SkippedRows { get; }
}
