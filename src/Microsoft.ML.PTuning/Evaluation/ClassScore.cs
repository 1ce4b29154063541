namespace Microsoft.ML.PTuning;

/// <summary>How well one class was found, a type of entity or one of several labels of a row; a share of nothing is 0.</summary>
public sealed class ClassScore
{
    /// <param name="correct">Predictions that are right.</param>
    internal ClassScore(int correct, int support, int predicted)
    {
        (Support, Predicted) = (support, predicted);
        (Precision, Recall, F1) = (Share(correct, predicted), Share(correct, support), Share(2 * correct, support + predicted));
    }

    /// <summary>The share of what is predicted that is right.</summary>
    public double Precision { get; }

    /// <summary>The share of what is labelled that was found.</summary>
    public double Recall { get; }

    /// <summary>Harmonic mean of the two.</summary>
    public double F1 { get; }

    /// <summary>How often it is in the labels.</summary>
    public int Support { get; }

    /// <summary>How often it is predicted.</summary>
    public int Predicted { get; }

    private static double Share(int part, int whole) => whole == 0 ? 0 : (double)part / whole;
}
