using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>A frozen linear layer: <c>x Wᵀ + b</c>.</summary>
/// <param name="Weight"><c>[to, from]</c>.</param>
/// <param name="Bias"><c>[to]</c>; null for none.</param>
/// <param name="IsTransposed">Whether the weight is <c>[from, to]</c>.</param>
/// <param name="Ordered">The weight for faster products without gradients; null for none.</param>
internal readonly record struct FrozenLinear(Tensor Weight, Tensor? Bias, bool IsTransposed = false, OrderedWeight? Ordered = null)
{
    public static FrozenLinear Of(FrozenTensors tensors, string module) =>
        new(tensors[$"{module}.weight"], tensors[$"{module}.bias"], Ordered: tensors.OrderedOf($"{module}.weight"));

    public static FrozenLinear WithoutBias(FrozenTensors tensors, string module) => new(tensors[$"{module}.weight"], Bias: null);

    public static FrozenLinear OfTransposed(FrozenTensors tensors, string module) =>
        new(tensors[$"{module}.weight"], tensors[$"{module}.bias"], IsTransposed: true);

    /// <param name="changes">What a method changes in frozen tensors; null for nothing. The other frozen modules take the same.</param>
    public Tensor Forward(Tensor x, WeightChanges? changes = null)
    {
        var weight = Weight.Under(changes);
        var output = OrderedFor(x, weight) is { } ordered
            ? OneDnnProduct.Of(x, ordered, Bias!.Under(changes), gelu: false)
            : LinearProduct.Of(x, IsTransposed ? weight.t() : weight, Bias?.Under(changes));
        return changes?.AddedTo(Weight)?.AddTo(output, x) ?? output;
    }

    /// <summary>The same, and an activation.</summary>
    /// <param name="activation">A name of <see cref="Activation.Names"/>.</param>
    public Tensor Forward(Tensor x, string activation, WeightChanges? changes) =>
        activation == Activation.Gelu && changes?.AddedTo(Weight) is null && OrderedFor(x, Weight.Under(changes)) is { } ordered
            ? OneDnnProduct.Of(x, ordered, Bias!.Under(changes), gelu: true)
            : Activation.Named(activation)(Forward(x, changes));

    private Tensor? OrderedFor(Tensor x, Tensor weight) => ReferenceEquals(weight, Weight) ? Ordered?.For(x) : null;
}

/// <summary>A frozen table of vectors.</summary>
/// <param name="Table"><c>[rows, size]</c>.</param>
internal readonly record struct FrozenEmbedding(Tensor Table)
{
    public static FrozenEmbedding Of(FrozenTensors tensors, string module) => new(tensors[$"{module}.weight"]);

    /// <param name="indices">Int64, <c>[...]</c>.</param>
    /// <returns>The table's row for each index, <c>[..., size]</c>.</returns>
    public Tensor Forward(Tensor indices, WeightChanges? changes = null) =>
        Table.Under(changes).index_select(0, indices.reshape(-1)).view([.. indices.shape, Table.size(1)]);

    /// <summary>A batch's rows of a segment table; families with one segment type ignore segment ids.</summary>
    /// <returns><c>[B, T, size]</c>, or <c>[1, size]</c> for every token.</returns>
    public Tensor OfSegments(EncodedBatch batch, WeightChanges? changes = null) =>
        Table.size(0) == 1 ? Table.Under(changes) : Forward(batch.Segments, changes);
}

/// <summary>A frozen layer normalisation over the last dimension.</summary>
/// <param name="Weight"><c>[H]</c>.</param>
/// <param name="Bias"><c>[H]</c>.</param>
internal readonly record struct FrozenLayerNorm(Tensor Weight, Tensor Bias, double Epsilon)
{
    public static FrozenLayerNorm Of(FrozenTensors tensors, string module, double epsilon) =>
        new(tensors[$"{module}.weight"], tensors[$"{module}.bias"], epsilon);

    public Tensor Forward(Tensor x, WeightChanges? changes = null) =>
        functional.layer_norm(x, [Weight.size(0)], Weight.Under(changes), Bias.Under(changes), Epsilon);
}
