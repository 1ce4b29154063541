namespace Microsoft.ML.PTuning;

/// <summary>How well the entities of one type were found; a share of nothing is 0.</summary>
public sealed class EntityScore
{
    /// <param name="correct">Predicted entities that are right.</param>
    internal EntityScore(int correct, int support, int predicted)
    {
        (Support, Predicted) = (support, predicted);
        (Precision, Recall, F1) = (Share(correct, predicted), Share(correct, support), Share(2 * correct, support + predicted));
    }

    /// <summary>The share of the predicted entities that are right.</summary>
    public double Precision { get; }

    /// <summary>The share of the labelled entities that were found.</summary>
    public double Recall { get; }

    /// <summary>Harmonic mean of the two.</summary>
    public double F1 { get; }

    /// <summary>Entities in the labels.</summary>
    public int Support { get; }

    /// <summary>Entities in the predictions.</summary>
    public int Predicted { get; }

    private static double Share(int part, int whole) => whole == 0 ? 0 : (double)part / whole;
}
