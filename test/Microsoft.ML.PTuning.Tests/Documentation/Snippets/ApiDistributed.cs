using Microsoft.ML;
using Microsoft.ML.PTuning;

namespace Documentation.Snippets; // Outside of Microsoft.ML, as an application is.

/// <summary>XML docs: training on several machines.</summary>
internal static class ApiDistributed
{
    public static ReadOnlyMemory<byte> Compute(MLContext mlContext, ShardWork work)
    {
        using var worker = PTuningShardWorker.Open(mlContext, work.Training);
        ReadOnlyMemory<byte> result = worker.Compute(work.Values, work.Rows);
        return result;
    }

    internal sealed class InThisProcess(PTuningShardWorker worker) : IShardComputer
    {
        public Task<ReadOnlyMemory<byte>> ComputeAsync(ShardWork work, CancellationToken cancellationToken) =>
            Task.Run(() => worker.Compute(work.Values, work.Rows), cancellationToken); // Here: over the network.
    }
}
