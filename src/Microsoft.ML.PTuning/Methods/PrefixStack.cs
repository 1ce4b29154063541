using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>Prefixes of several models over one encoder, side by side for the rows of a batch.</summary>
/// <remarks>
/// Built for a batch and thrown away with it: a model keeps no padded copy. It takes a few operations for the whole batch.
/// </remarks>
internal static class PrefixStack
{
    /// <param name="groups">Prefixes <c>[P, L', 2, h, D]</c>, and how many rows in turn have each; P may differ.</param>
    /// <param name="shape">The shape of one of them.</param>
    /// <returns>One a layer of the encoder, null below the first prompted one; what a row's prefix lacks to the longest is masked.</returns>
    public static LayerPrefix?[] ByLayer(IReadOnlyList<(Tensor Prefix, int Rows)> groups, PrefixShape shape)
    {
        int[] lengths = [.. groups.Select(g => (int)g.Prefix.size(0))];
        var longest = lengths.Max();
        var rows = groups.SelectMany((group, i) => Enumerable.Repeat(Padded(group.Prefix, longest - lengths[i]), group.Rows));
        var stacked = stack(rows, 2);                                                                  // [L', 2, B, h, P, D]
        var mask = lengths.All(length => length == longest) ? null : MaskOf(groups, lengths, longest, stacked.device);

        var layers = new LayerPrefix?[shape.EncoderLayers];
        for (var i = 0; i < shape.Layers; i++)
        {
            var layer = stacked.select(0, i);                                                          // [2, B, h, P, D]
            layers[shape.FirstLayer + i] = new LayerPrefix(layer.select(0, 0), layer.select(0, 1), mask);
        }
        return layers;
    }

    private static Tensor Padded(Tensor prefix, int missing)
    {
        var byLayer = prefix.permute(1, 2, 3, 0, 4);                                                   // [L', 2, h, P, D]
        return missing == 0 ? byLayer : nn.functional.pad(byLayer, [0, 0, 0, missing]);
    }

    private static Tensor MaskOf(IReadOnlyList<(Tensor Prefix, int Rows)> groups, int[] lengths, int longest, Device device)
    {
        var mask = new float[groups.Sum(g => g.Rows) * longest];
        var row = 0;
        for (var i = 0; i < groups.Count; i++)
            for (var n = 0; n < groups[i].Rows; n++)
                mask.AsSpan(row++ * longest, lengths[i]).Fill(1);
        return tensor(mask, mask.Length / longest, longest).On(device);                                // [B, P]
    }
}
