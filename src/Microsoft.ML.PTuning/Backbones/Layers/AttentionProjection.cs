using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>How a layer computes queries, keys and values from its input.</summary>
internal abstract class AttentionProjection(int heads)
{
    /// <param name="querying">The input of the tokens that send queries, <c>[B, Q, H]</c>; usually all tokens.</param>
    /// <param name="hidden">The layer's input, <c>[B, T, H]</c>.</param>
    /// <returns>Queries, <c>[B, h, Q, D]</c>, keys and values, each <c>[B, h, T, D]</c>.</returns>
    public abstract (Tensor Q, Tensor K, Tensor V) Project(Tensor querying, Tensor hidden, WeightChanges? changes);

    /// <param name="x">Vectors whose heads stand side by side, <c>[B, T, h · size]</c>.</param>
    /// <returns><c>[B, h, T, size]</c>.</returns>
    protected Tensor Split(Tensor x) => x.view(x.size(0), x.size(1), heads, x.size(2) / heads).transpose(1, 2);

    /// <summary>Puts the heads side by side again.</summary>
    /// <param name="x">Context, <c>[B, h, Q, D]</c>.</param>
    /// <returns><c>[B, Q, H]</c>.</returns>
    public static Tensor Join(Tensor x) => x.transpose(1, 2).reshape(x.size(0), x.size(2), x.size(1) * x.size(3));
}

/// <summary>Three linear layers, as in BERT.</summary>
internal sealed class SeparateProjection(FrozenTensors tensors, string query, string key, string value, int heads) : AttentionProjection(heads)
{
    private readonly FrozenLinear _query = FrozenLinear.Of(tensors, query);
    private readonly FrozenLinear _key = FrozenLinear.Of(tensors, key);
    private readonly FrozenLinear _value = FrozenLinear.Of(tensors, value);

    public override (Tensor Q, Tensor K, Tensor V) Project(Tensor querying, Tensor hidden, WeightChanges? changes) =>
        (Split(_query.Forward(querying, changes)), Split(_key.Forward(hidden, changes)), Split(_value.Forward(hidden, changes)));
}

/// <summary>One linear layer that gives queries, keys and values, as in GPT-2.</summary>
/// <param name="byHead">Whether the three of a head stand side by side, as in ChatGLM; otherwise those of all heads do, in blocks of H.</param>
internal sealed class FusedProjection(FrozenLinear linear, int heads, bool byHead = false) : AttentionProjection(heads)
{
    public override (Tensor Q, Tensor K, Tensor V) Project(Tensor querying, Tensor hidden, WeightChanges? changes)
    {
        var parts = Parts(hidden);
        return (ReferenceEquals(querying, hidden) ? parts[0] : Parts(querying)[0], parts[1], parts[2]);

        Tensor[] Parts(Tensor x)                                                                              // 3 of [B, h, T, D]
        {
            var all = linear.Forward(x, changes);                                                             // [B, T, 3H]
            return byHead ? Split(all).chunk(3, -1) : Array.ConvertAll(all.chunk(3, -1), Split);
        }
    }
}
