namespace Microsoft.ML.PTuning;

/// <summary>How well the entities of one type were found; a share of nothing is 0.</summary>
/// <param name="Precision">The share of the predicted entities that are right.</param>
/// <param name="Recall">The share of the labelled entities that were found.</param>
/// <param name="F1">Harmonic mean of the two.</param>
/// <param name="Support">Entities in the labels.</param>
/// <param name="Predicted">Entities in the predictions.</param>
public sealed record EntityScore(double Precision, double Recall, double F1, int Support, int Predicted)
{
    internal static EntityScore Of(int correct, int support, int predicted) =>
        new(Share(correct, predicted), Share(correct, support), Share(2 * correct, support + predicted), support, predicted);

    private static double Share(int part, int whole) => whole == 0 ? 0 : (double)part / whole;
}
