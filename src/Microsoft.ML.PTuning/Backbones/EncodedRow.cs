using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>Token ids of one row, special tokens included.</summary>
/// <param name="Ids">Token ids.</param>
/// <param name="Segments">Segment (token type) ids, one per token.</param>
internal sealed record EncodedRow(int[] Ids, int[] Segments)
{
    public int Length => Ids.Length;

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
        };
    }
}
