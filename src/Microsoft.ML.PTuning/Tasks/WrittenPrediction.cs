using Microsoft.ML.PTuning.Generation;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>What a language model wrote for a row, or, in validation, which tokens of the right text it would have written.</summary>
/// <param name="Texts">The texts, best first; empty in validation.</param>
/// <param name="Scores">The scores of the texts.</param>
internal sealed record WrittenPrediction(string[] Texts, float[] Scores) : Prediction
{
    /// <summary>For each token of the right text, whether it is the most probable after those before it; empty outside validation.</summary>
    public bool[] IsRight { get; init; } = [];

    /// <summary>Texts as a task's numbers: of each its score, its number of tokens, and their ids.</summary>
    public static float[] Pack(IEnumerable<WrittenText> texts, double lengthPenalty) =>
        [.. texts.SelectMany(text => (float[])[(float)text.Score(lengthPenalty), text.Tokens.Count, .. text.Tokens.Select(id => (float)id)])];

    /// <inheritdoc cref="Pack"/>
    public static IEnumerable<(float Score, int[] Tokens)> Unpack(float[] numbers)
    {
        for (var start = 0; start < numbers.Length;)
        {
            var count = (int)numbers[start + 1];
            yield return (numbers[start], [.. numbers.AsSpan(start + 2, count).ToArray().Select(id => (int)id)]);
            start += 2 + count;
        }
    }
}
