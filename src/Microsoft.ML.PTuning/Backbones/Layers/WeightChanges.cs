using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>
/// What a method changes in an encoder's own tensors for a batch: values that replace them (BitFit, fine-tuning), or products of low rank that are added
/// to the weights of linear layers (LoRA).
/// </summary>
internal sealed class WeightChanges
{
    private readonly Dictionary<Tensor, Tensor> _values = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Tensor, LowRankChange> _added = new(ReferenceEqualityComparer.Instance);

    /// <param name="frozen">The encoder's own tensor, the same object that its layers hold.</param>
    /// <param name="value">What is used instead, of the same shape.</param>
    public void Replace(Tensor frozen, Tensor value) => _values.Add(frozen, value);

    /// <param name="weight">The weight of a linear layer, the same object that the layer holds.</param>
    public void Add(Tensor weight, LowRankChange change) => _added.Add(weight, change);

    /// <summary>The value to use for a tensor, of the encoder's type.</summary>
    public Tensor Of(Tensor frozen) => _values.TryGetValue(frozen, out var value) ? value.to(frozen.dtype) : frozen;

    /// <summary>What is added to the output of a linear layer; null for nothing.</summary>
    public LowRankChange? AddedTo(Tensor weight) => _added.GetValueOrDefault(weight);
}

/// <summary>Looks up replaced tensors where there may be no changes.</summary>
internal static class OptionalWeightChanges
{
    public static Tensor Under(this Tensor frozen, WeightChanges? changes) => changes?.Of(frozen) ?? frozen;
}
