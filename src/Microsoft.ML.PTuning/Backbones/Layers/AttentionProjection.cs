using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>How a layer makes queries, keys and values of what enters it.</summary>
internal abstract class AttentionProjection(int heads)
{
    /// <param name="asking">Of what enters the layer, the first tokens that ask, <c>[B, Q, H]</c>; mostly all.</param>
    /// <param name="hidden">What enters the layer, <c>[B, T, H]</c>.</param>
    /// <returns>Queries, <c>[B, h, Q, D]</c>, keys and values, each <c>[B, h, T, D]</c>.</returns>
    public abstract (Tensor Q, Tensor K, Tensor V) Project(Tensor asking, Tensor hidden);

    /// <param name="x">Vectors whose heads stand side by side, <c>[B, T, h · size]</c>.</param>
    protected Tensor Split(Tensor x) => x.view(x.size(0), x.size(1), heads, -1).transpose(1, 2); // [B, h, T, size]
}

/// <summary>A linear layer each, BERT's way.</summary>
internal sealed class SeparateProjection(FrozenTensors tensors, string query, string key, string value, int heads) : AttentionProjection(heads)
{
    private readonly FrozenLinear _query = FrozenLinear.Of(tensors, query);
    private readonly FrozenLinear _key = FrozenLinear.Of(tensors, key);
    private readonly FrozenLinear _value = FrozenLinear.Of(tensors, value);

    public override (Tensor Q, Tensor K, Tensor V) Project(Tensor asking, Tensor hidden) =>
        (Split(_query.Forward(asking)), Split(_key.Forward(hidden)), Split(_value.Forward(hidden)));
}
