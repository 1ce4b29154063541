using Microsoft.ML.PTuning.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Prompts;

/// <summary>A frozen encoder read through a deep prefix: P-Tuning v2 (Liu et al. 2022).</summary>
/// <remarks>Stateless, like the encoder: the prefix is a value that is handed in. Any number of threads may share one.</remarks>
internal sealed class PromptedEncoder(Backbone backbone, PrefixShape shape, PositionOffset positionOffset)
{
    public Backbone Backbone { get; } = backbone;

    public PrefixShape Shape { get; } = shape;

    public PositionOffset PositionOffset { get; } = positionOffset;

    /// <summary>Positions that the prefix takes from the text.</summary>
    public int ReservedPositions => PositionOffset == PositionOffset.Prefix ? Shape.Length : 0;

    /// <param name="prefix">The prefix, <c>[P, L', 2, h, D]</c>; null where P is 0.</param>
    /// <param name="prefixDropout">Dropped from keys and values, a mask of its own for every row; null when not training.</param>
    /// <param name="backboneDropout">Dropout inside the encoder; null for none.</param>
    /// <returns>Hidden states of the text, <c>[B, T, H]</c>: the prefix has keys and values, but no hidden states.</returns>
    public Tensor Forward(EncodedBatch batch, Tensor? prefix, Dropout? prefixDropout = null, Dropout? backboneDropout = null) =>
        Backbone.Forward(batch, prefix is null ? null : ByLayer(prefix, batch.Rows, prefixDropout), ReservedPositions, backboneDropout);

    private LayerPrefix?[] ByLayer(Tensor prefix, int rows, Dropout? dropout)
    {
        var layers = new LayerPrefix?[Shape.EncoderLayers];
        for (var i = 0; i < Shape.Layers; i++)
        {
            var layer = prefix.select(1, i); // [P, 2, h, D]
            layers[Shape.FirstLayer + i] = new LayerPrefix(Part(layer, 0, rows, dropout), Part(layer, 1, rows, dropout));
        }
        return layers;
    }

    private static Tensor Part(Tensor layer, int keyOrValue, int rows, Dropout? dropout)
    {
        var part = layer.select(1, keyOrValue); // [P, h, D]
        return dropout is null
            ? part
            : dropout.Apply(part.transpose(0, 1).unsqueeze(0).expand(rows, -1, -1, -1)); // [B, h, P, D]
    }
}
