namespace Microsoft.ML.PTuning.Scoring;

/// <summary>How much work a queue has taken on, and how long that takes by how long the last batches took. The queue's lock guards all members.</summary>
internal sealed class QueueLoad
{
    private const double Kept = 0.9; // Of what earlier batches weigh, after one more.

    private long _tokens;
    private double _pastTokens;
    private double _pastSeconds;

    /// <param name="tokens">Tokens that wait from now on.</param>
    public void Add(long tokens) => _tokens += tokens;

    /// <param name="tokens">Tokens that were computed, or are no longer needed.</param>
    public void Remove(long tokens) => _tokens -= tokens;

    /// <param name="time">How long a core took for a batch.</param>
    public void Learn(long tokens, TimeSpan time) =>
        (_pastTokens, _pastSeconds) = ((Kept * _pastTokens) + tokens, (Kept * _pastSeconds) + time.TotalSeconds);

    /// <param name="round">Tokens that all cores compute at once; only those beyond keep a row waiting.</param>
    /// <returns>The time until a new row's batch begins; zero before the first batch.</returns>
    public TimeSpan Wait(int cores, long round) =>
        _pastTokens == 0 || _tokens <= round ? TimeSpan.Zero : TimeSpan.FromSeconds((_tokens - round) * _pastSeconds / (_pastTokens * cores));
}
