using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>What is added to the output of a linear layer: <c>scale · (x Aᵀ) Bᵀ</c> (Hu et al. 2022).</summary>
/// <param name="A">Of any type, <c>[r, from]</c> shared by the batch, or <c>[B, r, from]</c>.</param>
/// <param name="B">Of any type, <c>[to, r]</c>, or <c>[B, to, r]</c>.</param>
/// <remarks>Everything is computed where it is added, because a recomputed layer runs its own backward pass.</remarks>
internal sealed record LowRankChange(Tensor A, Tensor B, double Scale)
{
    /// <param name="x">The layer's input, <c>[..., from]</c>.</param>
    /// <param name="output">The layer's output without the change, <c>[..., to]</c>; it may be changed in place.</param>
    /// <returns>The changed output. It has B rows where A has, also if the input is shared by the batch.</returns>
    public Tensor AddTo(Tensor output, Tensor x)
    {
        using var scope = NewDisposeScope();
        var inner = Product(x, A);                                                         // [..., r]
        var added = Product(Scale == 1 ? inner : inner.Times(Scale), B);                   // [..., to]
        return (added.dim() == output.dim() ? output.AddInPlace(added) : output.Plus(added)).MoveToOuterDisposeScope();
    }

    private static Tensor Product(Tensor x, Tensor weight)
    {
        weight = weight.to(x.dtype);
        return weight.dim() == 2 ? functional.linear(x, weight) : matmul(x, weight.transpose(1, 2));
    }
}
