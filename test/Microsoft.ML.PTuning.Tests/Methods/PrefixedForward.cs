using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Methods;

/// <summary>Encoders under a prefix that is at hand as a tensor.</summary>
internal static class PrefixedForward
{
    public static PrefixShape PrefixShape(this PromptedEncoder encoder) => ((DeepPrefix)encoder.Method).ShapeOver(encoder.Backbone);

    /// <param name="prefix">The prefix, <c>[P, L', 2, h, D]</c>; null for none.</param>
    public static Tensor Forward(this PromptedEncoder encoder, EncodedBatch batch, Tensor? prefix, Dropout? prefixDropout = null)
    {
        using var tensors = new TrainedTensors();
        if (prefix is not null)
            tensors.Add(TrainedTensors.Prefix, prefix.alias()); // They own the alias alone.
        return encoder.Forward(batch, tensors, prefixDropout);
    }
}
