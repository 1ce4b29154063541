using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>Token ids of one row, special tokens included.</summary>
/// <param name="Ids">Token ids.</param>
/// <param name="Segments">Segment (token type) ids, one per token.</param>
internal sealed record EncodedRow(int[] Ids, int[] Segments)
{
    public int Length => Ids.Length;

    /// <summary>Where trained vectors stand instead of words; empty for nowhere.</summary>
    public int[] PromptPlaces { get; init; } = [];

    /// <summary>Where the mask token stands whose word is predicted; null where there is none.</summary>
    public int? MaskPlace { get; init; }

    public static EncodedRow Of(EncodedText text) => new(Array.ConvertAll(text.Tokens, token => token.Id), text.Segments);

    /// <summary>Rows as one batch.</summary>
    /// <param name="length">Tokens to pad to; the longest row's where that is more.</param>
    /// <param name="trunkCache">Has the trunk output of these rows; null where the encoder computes it.</param>
    public static EncodedBatch Collate(IReadOnlyList<EncodedRow> rows, int padId, Device device, int length = 0, ITrunkCache? trunkCache = null)
    {
        var longest = Math.Max(length, rows.Max(r => r.Length));
        var ids = new long[rows.Count * longest];
        var segments = new long[rows.Count * longest];
        var mask = new float[rows.Count * longest];
        Array.Fill(ids, padId);
        for (var row = 0; row < rows.Count; row++)
        {
            var start = row * longest;
            for (var t = 0; t < rows[row].Length; t++)
            {
                ids[start + t] = rows[row].Ids[t];
                segments[start + t] = rows[row].Segments[t];
                mask[start + t] = 1;
            }
        }

        var isPadded = rows.Any(r => r.Length < longest);
        return new EncodedBatch(
            tensor(ids, rows.Count, longest).ToDevice(device),
            tensor(segments, rows.Count, longest).ToDevice(device),
            isPadded ? tensor(mask, rows.Count, longest).ToDevice(device) : null)
        {
            TrunkOutput = trunkCache?.Collate(rows, longest),
            PromptPlaces = PlacesOf(rows, device),
            MaskPlaces = rows.Any(row => row.MaskPlace is not null)
                ? tensor([.. rows.Select(row => (long)(row.MaskPlace ?? 0))]).ToDevice(device)
                : null,
        };
    }

    private static Tensor? PlacesOf(IReadOnlyList<EncodedRow> rows, Device device)
    {
        var count = rows[0].PromptPlaces.Length;
        if (rows.FirstOrDefault(row => row.PromptPlaces.Length != count) is { } other)
            throw new ArgumentException($"A batch's rows have places for {count} and {other.PromptPlaces.Length} trained tokens; expected the same number.", nameof(rows));
        return count == 0 ? null : tensor([.. rows.SelectMany(row => row.PromptPlaces).Select(place => (long)place)], rows.Count, count).ToDevice(device);
    }
}
