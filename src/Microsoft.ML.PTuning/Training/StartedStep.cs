using Microsoft.ML.PTuning.Compute;

namespace Microsoft.ML.PTuning.Training;

/// <summary>The result of a step.</summary>
/// <param name="Loss">Mean loss over the batch.</param>
/// <param name="Outputs">The head's numbers of each part, in the batch's order.</param>
internal sealed record StepResult(double Loss, IReadOnlyList<float[]> Outputs);

/// <summary>A step that has been started. The CPU has finished it; a GPU may still compute until it is read.</summary>
/// <param name="shards">How many shards its batch has.</param>
internal sealed class StartedStep(int shards) : IDisposable
{
    private readonly List<BatchOutputs>[] _shards = [.. Enumerable.Range(0, shards).Select(_ => new List<BatchOutputs>())];

    private IEnumerable<BatchOutputs> MicroBatches => _shards.SelectMany(shard => shard);

    /// <summary>Takes over the outputs of a shard's next micro-batch. Safe for any number of threads, one per shard.</summary>
    public void Keep(int shard, BatchOutputs outputs) => _shards[shard].Add(outputs);

    /// <summary>Waits for the step's end.</summary>
    public StepResult Read() => new(MicroBatches.Sum(m => m.ReadLoss()), [.. MicroBatches.SelectMany(m => m.ReadByPart())]);

    public void Dispose()
    {
        foreach (var microBatch in MicroBatches)
            microBatch.Dispose();
    }
}
