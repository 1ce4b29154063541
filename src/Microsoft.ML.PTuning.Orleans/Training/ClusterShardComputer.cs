using Orleans.Runtime.Placement;

namespace Microsoft.ML.PTuning.Orleans.Training;

/// <summary>Has silos compute the shards of a training's steps. A shard whose silo dies is computed by another one.</summary>
internal sealed class ClusterShardComputer(IGrainFactory grains) : IShardComputer
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    public async Task<ReadOnlyMemory<byte>> ComputeAsync(ShardWork work, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(work);
        var grain = grains.GetGrain<IShardGrain>(FormattableString.Invariant($"{work.TrainingId}/{work.Shard}"));
        var request = new ShardRequest(work.Step, work.Training.ToArray(), work.Values.ToArray(), work.Rows.ToArray());
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                var reply = await AskAsync(grain, request, work.Shard, cancellationToken).ConfigureAwait(false);
                if (reply.Refusal is { } refusal)
                    throw new InvalidOperationException(refusal);
                if (reply.Result is { } result)
                    return result;
            }
            catch (Exception e) when (e is OrleansException or TimeoutException or ObjectDisposedException)
            {
                await Task.Delay(s_pause, cancellationToken).ConfigureAwait(false); // The silo died or stops: another one begins the shard anew.
            }
        }
    }

    private async Task<ShardReply> AskAsync(IShardGrain grain, ShardRequest request, int shard, CancellationToken cancellationToken)
    {
        if (await Begin().ConfigureAwait(false) is { } first)
            return first;

        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (await grain.AskAsync(request.Step).ConfigureAwait(false) is { } reply)
                return reply;
        }

        // Shards next to each other go to different silos. A grain that is on a silo stays there.
        async Task<ShardReply?> Begin()
        {
            var active = (await grains.GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true).ConfigureAwait(false)).Keys.OrderBy(silo => silo.ToString(), StringComparer.Ordinal).ToList();
            if (active.Count == 0)
                throw new SiloUnavailableException("No silo is active.");
            RequestContext.Set(IPlacementDirector.PlacementHintKey, active[shard % active.Count]); // Flows with the calls of this method only.
            return await grain.StartAsync(request).ConfigureAwait(false);
        }
    }
}
