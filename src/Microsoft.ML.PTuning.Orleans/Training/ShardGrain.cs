using Microsoft.ML.PTuning.Orleans.Placement;

namespace Microsoft.ML.PTuning.Orleans.Training;

[GrainType("ptuning-shard")]
internal sealed class ShardGrain(SiloShardWorkers workers) : Grain, IShardGrain
{
    private int _step;
    private Task<byte[]>? _work;

    public Task<ShardReply?> StartAsync(ShardRequest request)
    {
        if (_work is null || _step != request.Step)
            (_step, _work) = (request.Step, Task.Run(() => workers.Compute(request))); // On a thread of the pool: a grain's own must stay free.
        return AskAsync(request.Step);
    }

    public async Task<ShardReply?> AskAsync(int step)
    {
        if (_work is not { } work || _step != step)
            return new ShardReply(null); // The silo that had begun it is gone.

        await Task.WhenAny(work, Task.Delay(ShortCalls.Patience));
        if (!work.IsCompleted)
            return null;

        try
        {
            return new ShardReply(await work);
        }
        catch (Exception e) when (e is FormatException or InvalidDataException or IOException)
        {
            return new ShardReply(null, $"A silo cannot compute a shard: {e.Message}");
        }
    }
}
