using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>Token ids of a batch as an encoder takes them, padded to the longest row, on the encoder's device.</summary>
/// <param name="Ids">Token ids, Int64 <c>[B, T]</c>.</param>
/// <param name="Segments">Segment (token type) ids, Int64 <c>[B, T]</c>.</param>
/// <param name="Mask">1 at a token, 0 at padding, Float32 <c>[B, T]</c>; null where no row is padded.</param>
internal sealed record EncodedBatch(Tensor Ids, Tensor Segments, Tensor? Mask)
{
    /// <summary>Where trained vectors stand in each row instead of words, Int64 <c>[B, P]</c>; null for nowhere.</summary>
    public Tensor? PromptPlaces { get; init; }

    /// <summary>Where each row's mask token stands, Int64 <c>[B]</c>; null where rows have none.</summary>
    public Tensor? MaskPlaces { get; init; }

    /// <summary>Vectors to take for the tokens instead of the word embeddings, <c>[B, T, E]</c>; null for these.</summary>
    public Tensor? TokenVectors { get; init; }

    /// <summary>The trunk's output from the cache, <c>[B, T, H]</c>; null where the encoder computes it.</summary>
    public Tensor? TrunkOutput { get; init; }

    /// <summary>Called between two layers, on the thread that computes, so that more urgent work may go before; null for nothing.</summary>
    public Action? BetweenLayers { get; init; }

    /// <summary>Rows of the batch, B.</summary>
    public int Rows { get; } = (int)Ids.size(0);

    /// <summary>Tokens per row, padding included, T.</summary>
    public int Length { get; } = (int)Ids.size(1);

    /// <summary>Some consecutive rows.</summary>
    public EncodedBatch Slice(int first, int count) => Map(tensor => tensor.narrow(0, first, count));

    /// <summary>All rows several times: first copies, second copies, ...</summary>
    public EncodedBatch Repeat(int copies) => Map(tensor => cat(Enumerable.Repeat(tensor, copies).ToArray(), 0));

    /// <summary>The batch with places for trained vectors in every row, of segment 0.</summary>
    /// <param name="at">Where they begin, in tokens.</param>
    /// <param name="count">How many, P.</param>
    /// <param name="id">The id that stands there.</param>
    /// <returns>A batch of <c>P + T</c> tokens.</returns>
    public EncodedBatch Inserted(int at, int count, int id)
    {
        var places = Arithmetic.Range(at, at + count, Ids.device).unsqueeze(0).expand(Rows, -1);
        return new(Insert(Ids, id), Insert(Segments, 0), Mask is null ? null : Insert(Mask, 1))
        {
            PromptPlaces = places,
            MaskPlaces = MaskPlaces?.Shifted(at, count),
            BetweenLayers = BetweenLayers,
        };

        Tensor Insert(Tensor tokens, int value) =>
            cat([tokens.narrow(1, 0, at), tokens.narrow(1, 0, 1).expand(-1, count).Filled(value), tokens.narrow(1, at, Length - at)], 1);
    }

    private EncodedBatch Map(Func<Tensor, Tensor> rows) => new(rows(Ids), rows(Segments), Mask is null ? null : rows(Mask))
    {
        PromptPlaces = PromptPlaces is null ? null : rows(PromptPlaces),
        MaskPlaces = MaskPlaces is null ? null : rows(MaskPlaces),
        TokenVectors = TokenVectors is null ? null : rows(TokenVectors),
        BetweenLayers = BetweenLayers,
    };
}
