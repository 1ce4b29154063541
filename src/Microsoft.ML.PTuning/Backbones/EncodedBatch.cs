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

    /// <summary>What the decoder reads after the text, Int64 <c>[B, U]</c>: a start token and the words so far; null for nothing.</summary>
    public Tensor? DecoderIds { get; init; }

    /// <summary>1 at a token of the decoder, 0 at padding, Float32 <c>[B, U]</c>; null where no row is padded.</summary>
    public Tensor? DecoderMask { get; init; }

    /// <summary>
    /// Where the decoder's tokens stand if it fills several gaps of a text: the gap's place in the text, and the token's place in the gap, from 1,
    /// Int64 <c>[B, 2, U]</c>; null for the gap at <see cref="MaskPlaces"/>.
    /// </summary>
    public Tensor? DecoderPositions { get; init; }

    /// <summary>The token that should follow each of <see cref="DecoderIds"/>, Int64 <c>[B, U]</c>, -1 at padding; null where nothing is learned.</summary>
    public Tensor? NextIds { get; init; }

    /// <summary>How many tokens the decoder has read before, whose keys and values are kept (<see cref="KeyValueCache"/>).</summary>
    public int DecoderPast { get; init; }

    /// <summary>Tokens of each row's text, Int64 <c>[B]</c>, where the text itself has been read before; null to count them.</summary>
    public Tensor? TextLengths { get; init; }

    /// <summary>Called between two layers, on the thread that computes, so that more urgent work may go before; null for nothing.</summary>
    public Action? BetweenLayers { get; init; }

    /// <summary>Rows of the batch, B.</summary>
    public int Rows { get; } = (int)Ids.size(0);

    /// <summary>Tokens per row, padding included, T.</summary>
    public int Length { get; } = (int)Ids.size(1);

    /// <summary>Tokens per row that the decoder reads, padding included, U.</summary>
    public int DecoderLength => (int)(DecoderIds?.size(1) ?? 0);

    /// <summary>1 at a token of text or decoder, 0 at padding, <c>[B, T + U]</c>; null where no row is padded.</summary>
    public Tensor? ReadMask => DecoderIds is null || (Mask is null && DecoderMask is null)
        ? Mask
        : cat([Mask ?? ones(Rows, Length, ScalarType.Float32, Ids.device), DecoderMask ?? ones(Rows, DecoderLength, ScalarType.Float32, Ids.device)], 1);

    /// <summary>1 at a token with a state, 0 at padding: the decoder's tokens where there are some, else those of the text; null where none is padded.</summary>
    public Tensor? StatesMask => DecoderIds is null ? Mask : DecoderMask;

    /// <summary>Tokens of each row's text, Int64 <c>[B]</c>.</summary>
    public Tensor CountText() => TextLengths ?? Mask?.sum([1]).to(ScalarType.Int64) ?? Ids.narrow(1, 0, 1).squeeze(1).Filled(Length);

    /// <summary>What the decoder reads next, once it has read these rows.</summary>
    /// <param name="ids">The next tokens, Int64 <c>[B, U]</c>.</param>
    public EncodedBatch Next(Tensor ids) => new(Ids.narrow(1, 0, 0), Segments.narrow(1, 0, 0), Mask: null)
    {
        MaskPlaces = MaskPlaces,
        TextLengths = CountText(),
        DecoderIds = ids,
        DecoderPast = DecoderPast + DecoderLength,
        BetweenLayers = BetweenLayers,
    };

    /// <summary>Some consecutive rows.</summary>
    public EncodedBatch Slice(int first, int count) => Map(tensor => tensor.narrow(0, first, count));

    /// <summary>Some rows in any order; a row may come several times.</summary>
    /// <param name="rows">Their numbers, Int64.</param>
    public EncodedBatch Select(Tensor rows) => Map(tensor => tensor.index_select(0, rows));

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
            DecoderIds = DecoderIds,
            DecoderMask = DecoderMask,
            DecoderPositions = DecoderPositions is null ? null
                : stack([DecoderPositions.select(1, 0).Shifted(at, count), DecoderPositions.select(1, 1)], 1),
            NextIds = NextIds,
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
        DecoderIds = DecoderIds is null ? null : rows(DecoderIds),
        DecoderMask = DecoderMask is null ? null : rows(DecoderMask),
        DecoderPositions = DecoderPositions is null ? null : rows(DecoderPositions),
        NextIds = NextIds is null ? null : rows(NextIds),
        DecoderPast = DecoderPast,
        TextLengths = TextLengths is null ? null : rows(TextLengths),
        BetweenLayers = BetweenLayers,
    };
}
