using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>A frozen encoder read through a deep prefix: P-Tuning v2 (Liu et al. 2022).</summary>
/// <remarks>Stateless, like the encoder: the prefix is a value that is handed in. Any number of threads may share one.</remarks>
internal sealed class PromptedEncoder(Backbone backbone, PrefixShape shape, PositionOffset positionOffset)
{
    public Backbone Backbone { get; } = backbone;

    public PrefixShape Shape { get; } = shape;

    public PositionOffset PositionOffset { get; } = positionOffset;

    /// <summary>Positions that the prefix takes from the text.</summary>
    public int ReservedPositions => PositionOffset == PositionOffset.Prefix ? Shape.Length : 0;

    /// <summary>Layers from the bottom that no prefix reaches. With the embeddings they are the trunk, whose output no prefix changes.</summary>
    public int TrunkLayers => Shape.Length == 0 ? Shape.EncoderLayers : Shape.FirstLayer;

    /// <summary>Embeddings and trunk, where the batch does not bring what leaves them.</summary>
    /// <returns>Hidden states that enter the first prompted layer, of the encoder's type, <c>[B, T, H]</c>.</returns>
    public Tensor RunTrunk(EncodedBatch batch, Dropout? dropout = null)
    {
        using var scope = NewDisposeScope();
        if (batch.Entering is { } known)
            return known.to(Backbone.ElementType).MoveToOuterDisposeScope();

        var embedded = Backbone.Embed(batch, ReservedPositions, dropout);
        return Backbone.RunLayers(embedded, batch, prefixes: null, 0, TrunkLayers, dropout).MoveToOuterDisposeScope();
    }

    /// <summary>The layers that a prefix reaches.</summary>
    /// <param name="entering">What <see cref="RunTrunk"/> gave, <c>[B, T, H]</c>.</param>
    /// <inheritdoc cref="Forward"/>
    public Tensor RunPrompted(
        Tensor entering, EncodedBatch batch, Tensor? prefix, Dropout? prefixDropout, Dropout? backboneDropout, bool firstTokenOnly)
    {
        using var scope = NewDisposeScope();
        var prefixes = prefix is null ? null : ByLayer(prefix, batch.Rows, prefixDropout);
        var left = Backbone.RunLayers(entering, batch, prefixes, TrunkLayers, Shape.EncoderLayers, backboneDropout, firstTokenOnly);
        return left.ToTrainedType().MoveToOuterDisposeScope();
    }

    /// <summary><see cref="RunPrompted"/> for training with less memory. What it keeps belongs to the current dispose scope.</summary>
    /// <inheritdoc cref="RunPrompted"/>
    /// <returns>The layers, which have run forward, and wait for the gradient of what left them.</returns>
    public RecomputedLayers RunPromptedToRecompute(
        Tensor entering, EncodedBatch batch, Tensor? prefix, Dropout? prefixDropout, Dropout? backboneDropout, bool firstTokenOnly)
    {
        var prefixes = prefix is null ? new LayerPrefix?[Shape.EncoderLayers] : ByLayer(prefix, batch.Rows, prefixDropout);
        return new RecomputedLayers(Backbone.OpenLayers(batch, backboneDropout), entering, prefixes, TrunkLayers, backboneDropout, firstTokenOnly);
    }

    /// <param name="prefix">The prefix, <c>[P, L', 2, h, D]</c>; null where P is 0.</param>
    /// <param name="prefixDropout">Dropped from keys and values, a mask of its own for every row; null when not training.</param>
    /// <param name="backboneDropout">Dropout inside the encoder; null for none.</param>
    /// <param name="firstTokenOnly">Whether only the first token's state is read; in the last layer the other tokens then send no queries.</param>
    /// <returns>
    /// Hidden states of the text, F32 <c>[B, T, H]</c>: the prefix has keys and values, but no hidden states. With <paramref name="firstTokenOnly"/>
    /// and a prefix that of the first token, <c>[B, 1, H]</c>; without a prefix there is no layer that could spare the others.
    /// </returns>
    public Tensor Forward(
        EncodedBatch batch, Tensor? prefix, Dropout? prefixDropout = null, Dropout? backboneDropout = null, bool firstTokenOnly = false)
    {
        using var scope = NewDisposeScope();
        var entering = RunTrunk(batch, backboneDropout);
        return RunPrompted(entering, batch, prefix, prefixDropout, backboneDropout, firstTokenOnly).MoveToOuterDisposeScope();
    }

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
