namespace Microsoft.ML.PTuning.Generation;

/// <summary>A text that a language model wrote.</summary>
/// <param name="Tokens">Its tokens, without the end of the text.</param>
/// <param name="LogProbability">The sum over its tokens, the end of the text included.</param>
/// <param name="Ended">Whether it ends by itself, with the end of the text or a stop text, not at the largest number of tokens.</param>
internal sealed record WrittenText(IReadOnlyList<int> Tokens, double LogProbability, bool Ended)
{
    /// <summary>What beam search compares: the log-probability, divided by a power of the number of tokens.</summary>
    /// <param name="penalty"><see cref="GenerationSettings.LengthPenalty"/>.</param>
    /// <param name="tokens">Tokens that were scored, the end of the text included.</param>
    public static double Score(double logProbability, int tokens, double penalty) => logProbability / Math.Pow(Math.Max(1, tokens), penalty);

    /// <inheritdoc cref="Score(double, int, double)"/>
    public double Score(double penalty) => Score(LogProbability, ScoredTokens, penalty);

    /// <summary>Tokens that were scored, the end of the text included.</summary>
    public required int ScoredTokens { get; init; }
}
