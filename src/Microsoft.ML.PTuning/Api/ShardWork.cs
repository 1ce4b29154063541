namespace Microsoft.ML.PTuning;

/// <summary>A shard of a training's step, to be computed by a <see cref="PTuningShardWorker"/>.</summary>
public sealed class ShardWork
{
    internal ShardWork()
    {
    }

    /// <summary>Names the training: a new name whenever one begins.</summary>
    public required string TrainingId { get; init; }

    /// <summary>What is trained, and over which encoder: the same for all steps, so send it once. A few kilobytes.</summary>
    public required ReadOnlyMemory<byte> Training { get; init; }

    /// <summary>Which step is computed, from 1.</summary>
    public required int Step { get; init; }

    /// <summary>Which of its shards, from 0.</summary>
    public required int Shard { get; init; }

    /// <summary>How many shards the step has.</summary>
    public required int Shards { get; init; }

    /// <summary>The trained numbers before the step, in F32; the same for all its shards.</summary>
    public required ReadOnlyMemory<byte> Values { get; init; }

    /// <summary>The rows of the shard, as token ids.</summary>
    public required ReadOnlyMemory<byte> Rows { get; init; }
}
