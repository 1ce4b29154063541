namespace Microsoft.ML.PTuning;

/// <summary>Computes the shards of a training's steps somewhere else than where <c>Fit</c> runs: in other processes, on other machines.</summary>
/// <remarks>
/// <para>
/// <c>Fit</c> reads the rows, plans the batches and changes the weights as always. For each step it asks for the gradients of each shard
/// (<see cref="AdvancedTrainingOptions.Shards"/>) and adds them up in a fixed order. So n processes give the same bits as n shards in one, if their
/// processors are of one kind; and a shard that was lost can be asked for again, from any other process.
/// </para>
/// <para>An implementation carries bytes to where a <see cref="PTuningShardWorker"/> computes them, and the result back.</para>
/// </remarks>
public interface IShardComputer
{
    /// <summary>Computes a shard. All shards of a step are asked for at once, from the training thread.</summary>
    /// <param name="work">What to compute.</param>
    /// <param name="cancellationToken">That of the training.</param>
    /// <returns>What <see cref="PTuningShardWorker.Compute"/> gave.</returns>
    /// <example>
    /// <code>
    /// public Task&lt;ReadOnlyMemory&lt;byte&gt;&gt; ComputeAsync(ShardWork work, CancellationToken cancellationToken) =>
    ///     Task.Run(() => worker.Compute(work.Values, work.Rows), cancellationToken); // Here: over the network.
    /// </code>
    /// </example>
    /// <exception cref="Exception">The shard cannot be computed. <c>Fit</c> fails with it, so try elsewhere first.</exception>
    Task<ReadOnlyMemory<byte>> ComputeAsync(ShardWork work, CancellationToken cancellationToken);
}
