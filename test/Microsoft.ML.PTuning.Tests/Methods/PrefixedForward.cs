using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Methods;

/// <summary>Encoders under a prefix that is at hand as a tensor.</summary>
internal static class PrefixedForward
{
    public static PrefixShape PrefixShape(this PromptedEncoder encoder) => ((DeepPrefix)encoder.Method).ShapeFor(encoder.Backbone);

    /// <param name="prefix">The prefix, <c>[P, L', 2, h, D]</c>; null for none.</param>
    public static Tensor Forward(this PromptedEncoder encoder, EncodedBatch batch, Tensor? prefix, Dropout? prefixDropout = null)
    {
        using var tensors = new TrainedTensors();
        if (prefix is not null)
            tensors.Add(TrainedTensors.Prefix, prefix.alias()); // They own the alias alone.
        return encoder.Forward(batch, encoder.Method.Tune(encoder.Backbone, tensors, batch.Rows, prefixDropout));
    }

    /// <param name="prefixes">One per layer, null where a layer has none.</param>
    public static Tensor Forward(
        this Backbone backbone, EncodedBatch batch, IReadOnlyList<LayerPrefix?>? prefixes, int positionOffset = 0, Dropout? dropout = null) =>
        backbone.Forward(batch, new Tuning(prefixes), positionOffset, dropout);

    /// <inheritdoc cref="Forward(Backbone, EncodedBatch, IReadOnlyList{LayerPrefix}, int, Dropout)"/>
    public static Tensor RunLayers(
        this Backbone backbone, Tensor hidden, EncodedBatch batch, IReadOnlyList<LayerPrefix?>? prefixes, int first, int end, Dropout? dropout = null,
        bool sentenceTokenOnly = false) =>
        backbone.RunLayers(hidden, batch, new Tuning(prefixes), first, end, dropout, sentenceTokenOnly);
}
