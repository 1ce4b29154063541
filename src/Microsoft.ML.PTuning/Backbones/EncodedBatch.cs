using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>Token ids of a batch as an encoder takes them, padded to the longest row, on the encoder's device.</summary>
/// <param name="Ids">Token ids, Int64 <c>[B, T]</c>.</param>
/// <param name="Segments">Segment (token type) ids, Int64 <c>[B, T]</c>.</param>
/// <param name="Mask">1 at a token, 0 at padding, Float32 <c>[B, T]</c>; null where no row is padded.</param>
internal sealed record EncodedBatch(Tensor Ids, Tensor Segments, Tensor? Mask)
{
    /// <summary>The trunk's output from the cache, <c>[B, T, H]</c>; null where the encoder computes it.</summary>
    public Tensor? TrunkOutput { get; init; }

    /// <summary>Called between two layers, on the thread that computes, so that more urgent work may go before; null for nothing.</summary>
    public Action? BetweenLayers { get; init; }

    /// <summary>Rows of the batch, B.</summary>
    public int Rows { get; } = (int)Ids.size(0);

    /// <summary>Tokens per row, padding included, T.</summary>
    public int Length { get; } = (int)Ids.size(1);
}
