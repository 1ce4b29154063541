using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>Token ids of one row, special tokens included.</summary>
/// <param name="Ids">Token ids.</param>
/// <param name="Segments">Segment (token type) ids, one per token.</param>
/// <remarks>
/// Training holds all rows of its data. So rows of the same length share segments that are all 0, and rows without a decoder have no fields for it.
/// </remarks>
internal sealed record EncodedRow(int[] Ids, int[] Segments)
{
    /// <summary>Tokens of the longest row that shares its segments.</summary>
    private const int LongestShared = 512;

    private static readonly int[]?[] Zeros = new int[LongestShared + 1][];

    private Additions _added = Additions.None;

    /// <summary>Tokens of the text and of what the decoder reads.</summary>
    public int Length => Ids.Length + DecoderIds.Length;

    /// <summary>Tokens whose states are read: those of the decoder where it reads some, else those of the text.</summary>
    public int States => DecoderIds.Length > 0 ? DecoderIds.Length : Ids.Length;

    /// <summary>What the decoder reads after the text; empty for nothing.</summary>
    public int[] DecoderIds
    {
        get => _added.DecoderIds;
        init => _added = _added with { DecoderIds = value };
    }

    /// <summary>
    /// Where each of <see cref="DecoderIds"/> stands if they fill several gaps (<see cref="EncodedBatch.DecoderPositions"/>); empty if they fill one.
    /// </summary>
    public IReadOnlyList<(int Gap, int Place)> DecoderPositions
    {
        get => _added.DecoderPositions;
        init => _added = _added with { DecoderPositions = value };
    }

    /// <summary>The token that should follow each of <see cref="DecoderIds"/>; empty where nothing is learned.</summary>
    public int[] NextIds
    {
        get => _added.NextIds;
        init => _added = _added with { NextIds = value };
    }

    /// <summary>Where trained vectors stand instead of words; the decoder's tokens count on from the text's. Empty for nowhere.</summary>
    public int[] PromptPlaces
    {
        get => _added.PromptPlaces;
        init => _added = _added with { PromptPlaces = value };
    }

    /// <summary>Where the mask token stands whose word is predicted; null where there is none.</summary>
    public int? MaskPlace
    {
        get => _added.MaskPlace;
        init => _added = _added with { MaskPlace = value };
    }

    public static EncodedRow Of(EncodedText text) => new(Array.ConvertAll(text.Tokens, token => token.Id), Shared(text.Segments));

    /// <summary>Rows as one batch. Rows without a text have padding there.</summary>
    /// <param name="length">Tokens to pad to; the longest row's where that is more.</param>
    /// <param name="trunkCache">Has the trunk output of these rows; null where the encoder computes it.</param>
    public static EncodedBatch Collate(IReadOnlyList<EncodedRow> rows, int padId, Device device, int length = 0, ITrunkCache? trunkCache = null)
    {
        var (ids, mask) = Padded(rows, row => row.Ids, padId, length, device);
        var batch = new EncodedBatch(ids, Padded(rows, row => row.Segments, 0, length, device).Ids, mask)
        {
            TrunkOutput = trunkCache?.Collate(rows, (int)ids.size(1)),
            PromptPlaces = PlacesOf(rows, ids.size(1), device),
            MaskPlaces = rows.Any(row => row.MaskPlace is not null)
                ? tensor([.. rows.Select(row => (long)(row.MaskPlace ?? 0))]).ToDevice(device)
                : null,
        };
        if (rows[0].DecoderIds.Length == 0)
            return batch;

        (ids, mask) = Padded(rows, row => row.DecoderIds, padId, 0, device);
        return batch with
        {
            DecoderIds = ids,
            DecoderMask = mask,
            DecoderPositions = rows[0].DecoderPositions.Count == 0 ? null : stack(
            [
                Padded(rows, row => [.. row.DecoderPositions.Select(position => position.Gap)], 0, 0, device).Ids,
                Padded(rows, row => [.. row.DecoderPositions.Select(position => position.Place)], 0, 0, device).Ids,
            ], 1),
            NextIds = rows[0].NextIds.Length == 0 ? null : Padded(rows, row => row.NextIds, -1, 0, device).Ids,
        };
    }

    private static int[] Shared(int[] segments) =>
        segments.Length <= LongestShared && !segments.AsSpan().ContainsAnyExcept(0) ? Zeros[segments.Length] ??= segments : segments;

    /// <returns>Int64 <c>[B, T]</c>, and 1 at a token, 0 at padding, Float32 <c>[B, T]</c>; null where no row is padded.</returns>
    private static (Tensor Ids, Tensor? Mask) Padded(IReadOnlyList<EncodedRow> rows, Func<EncodedRow, int[]> part, int padId, int length, Device device)
    {
        var longest = Math.Max(Math.Max(length, 1), rows.Max(row => part(row).Length));
        var ids = new long[rows.Count * longest];
        var mask = new float[rows.Count * longest];
        Array.Fill(ids, padId);
        for (var row = 0; row < rows.Count; row++)
        {
            var (own, start) = (part(rows[row]), row * longest);
            for (var t = 0; t < own.Length; t++)
                ids[start + t] = own[t];
            mask.AsSpan(start, own.Length).Fill(1);
        }

        var isPadded = rows.Any(row => part(row).Length < longest);
        return (tensor(ids, rows.Count, longest).ToDevice(device), isPadded ? tensor(mask, rows.Count, longest).ToDevice(device) : null);
    }

    /// <param name="length">Tokens of the padded texts, T.</param>
    private static Tensor? PlacesOf(IReadOnlyList<EncodedRow> rows, long length, Device device)
    {
        var count = rows[0].PromptPlaces.Length;
        if (rows.FirstOrDefault(row => row.PromptPlaces.Length != count) is { } other)
            throw new ArgumentException($"A batch's rows have places for {count} and {other.PromptPlaces.Length} trained tokens; expected the same number.", nameof(rows));
        return count == 0
            ? null
            : tensor([.. rows.SelectMany(row => row.PromptPlaces.Select(place => InBatch(row, place)))], rows.Count, count).ToDevice(device);

        long InBatch(EncodedRow row, int place) => place < row.Ids.Length ? place : place - row.Ids.Length + length;
    }

    /// <summary>What few rows have.</summary>
    private sealed record Additions(
        int[] DecoderIds, IReadOnlyList<(int Gap, int Place)> DecoderPositions, int[] NextIds, int[] PromptPlaces, int? MaskPlace)
    {
        public static Additions None { get; } = new([], [], [], [], null);
    }
}
