using Microsoft.ML.PTuning.Orleans.Placement;
using Orleans.Concurrency;

namespace Microsoft.ML.PTuning.Orleans.Training;

/// <summary>Computes a shard of each step of a training; its key is the training's id and the shard's number.</summary>
internal interface IShardGrain : IGrainWithStringKey
{
    /// <summary>Begins a step's shard, unless it has been begun.</summary>
    /// <inheritdoc cref="AskAsync"/>
    [AlwaysInterleave]
    [ResponseTimeout(ShortCalls.ResponseTimeout)]
    Task<ShardReply?> StartAsync(ShardRequest request);

    /// <returns>Null if it takes longer: ask again.</returns>
    [AlwaysInterleave]
    [ResponseTimeout(ShortCalls.ResponseTimeout)]
    Task<ShardReply?> AskAsync(int step);
}

/// <summary>A <see cref="ShardWork"/> on its way.</summary>
[GenerateSerializer]
[Immutable]
internal sealed record ShardRequest(
    [property: Id(0)] int Step, [property: Id(1)] byte[] Training, [property: Id(2)] byte[] Values, [property: Id(3)] byte[] Rows);

/// <summary>What became of a shard.</summary>
/// <param name="Result">Null if there is none.</param>
/// <param name="Refusal">Why the silo cannot compute it, which ends the training; null where it can, or does not know of it.</param>
[GenerateSerializer]
[Immutable]
internal sealed record ShardReply([property: Id(0)] byte[]? Result, [property: Id(1)] string? Refusal = null);
