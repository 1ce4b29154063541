using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>Trained values that replace an encoder's own tensors for a batch: the biases in BitFit, all tensors in fine-tuning.</summary>
internal sealed class WeightChanges
{
    private readonly Dictionary<Tensor, Tensor> _values = new(ReferenceEqualityComparer.Instance);

    /// <param name="frozen">The encoder's own tensor, the same object that its layers hold.</param>
    /// <param name="value">What is used instead, of the same shape.</param>
    public void Replace(Tensor frozen, Tensor value) => _values.Add(frozen, value);

    /// <summary>The value to use for a tensor, of the encoder's type.</summary>
    public Tensor Of(Tensor frozen) => _values.TryGetValue(frozen, out var value) ? value.to(frozen.dtype) : frozen;
}

/// <summary>Looks up replaced tensors where there may be no changes.</summary>
internal static class OptionalWeightChanges
{
    public static Tensor Under(this Tensor frozen, WeightChanges? changes) => changes?.Of(frozen) ?? frozen;
}
