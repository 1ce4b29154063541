namespace Microsoft.ML.PTuning.Evaluation;

/// <summary>Counts right choices and sums their log-loss.</summary>
internal sealed class ChoiceCounter
{
    /// <summary>Smaller probabilities count as this one, as in ML.NET's evaluators, so that one bad row does not make the mean infinite.</summary>
    private const double LeastProbability = 1e-15;

    private int _correct;
    private double _loss;

    /// <summary>Rows that were counted.</summary>
    public int Count { get; private set; }

    /// <summary>Rows without a label or without a choice.</summary>
    public int Skipped { get; private set; }

    /// <param name="right">Index of the right choice; below 0 if it is unknown.</param>
    /// <param name="probabilities">One per choice.</param>
    public void Add(long right, ReadOnlySpan<float> probabilities)
    {
        if (right < 0 || probabilities.IsEmpty)
        {
            Skipped++;
            return;
        }
        Count++;
        var best = 0;
        for (var choice = 1; choice < probabilities.Length; choice++)
            best = probabilities[choice] > probabilities[best] ? choice : best;
        _correct += best == right ? 1 : 0;
        _loss -= Math.Log(Math.Max(probabilities[(int)right], LeastProbability));
    }

    public MultipleChoiceMetrics Measure() => new(_correct, Count, _loss / Count, Skipped);
}
