namespace Microsoft.ML.PTuning.Scoring;

/// <summary>How much work a queue has taken on, and how long that takes by how long the last batches took. The queue's lock guards all members.</summary>
internal sealed class QueueLoad
{
    private const double Kept = 0.9; // Of what earlier batches weigh, after one more.

    private long _tokens, _parts;
    private double _pastTokens;
    private double _pastSeconds;

    /// <param name="tokens">Tokens that wait from now on, of <paramref name="parts"/> parts of rows.</param>
    public void Add(long tokens, int parts) => (_tokens, _parts) = (_tokens + tokens, _parts + parts);

    /// <param name="tokens">Tokens that were computed, or are no longer needed, of <paramref name="parts"/> parts of rows.</param>
    public void Remove(long tokens, int parts) => Add(-tokens, -parts);

    /// <param name="time">How long a core took for a batch.</param>
    public void Learn(long tokens, TimeSpan time) =>
        (_pastTokens, _pastSeconds) = ((Kept * _pastTokens) + tokens, (Kept * _pastSeconds) + time.TotalSeconds);

    /// <param name="batchTokens">The most tokens per batch.</param>
    /// <param name="batchParts">The most parts of rows per batch.</param>
    /// <returns>The time until a new row's batch begins: that for what all cores cannot compute at once. Zero before the first batch.</returns>
    public TimeSpan Wait(int cores, long batchTokens, int batchParts)
    {
        if (_pastTokens == 0 || _parts == 0)
            return TimeSpan.Zero;

        var round = cores * Math.Min(batchTokens, (double)batchParts * _tokens / _parts);
        return _tokens <= round ? TimeSpan.Zero : TimeSpan.FromSeconds((_tokens - round) * _pastSeconds / (_pastTokens * cores));
    }
}
