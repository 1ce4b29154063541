namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A task's prediction for a row, decoded from the head's numbers. The output columns are read from it.</summary>
internal abstract record Prediction;

/// <summary>A few numbers: probabilities of classes or choices, the difference of two logits, the predicted number.</summary>
internal sealed record ScorePrediction(float[] Values) : Prediction
{
    /// <summary>Numbers as probabilities: softmax (Bridle 1990).</summary>
    public static float[] Softmax(ReadOnlySpan<float> logits)
    {
        var max = float.NegativeInfinity;
        foreach (var x in logits)
            max = Math.Max(max, x);

        var probabilities = new float[logits.Length];
        var sum = 0f;
        for (var i = 0; i < logits.Length; i++)
            sum += probabilities[i] = MathF.Exp(logits[i] - max);
        for (var i = 0; i < probabilities.Length; i++)
            probabilities[i] /= sum;
        return probabilities;
    }

    /// <summary>The index of the largest number; the first of equals.</summary>
    public static int ArgMax(ReadOnlySpan<float> numbers)
    {
        var best = 0;
        for (var i = 1; i < numbers.Length; i++)
            best = numbers[i] > numbers[best] ? i : best;
        return best;
    }
}
