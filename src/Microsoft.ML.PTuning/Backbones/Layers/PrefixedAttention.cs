using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>Self-attention whose keys and values begin with a trained prefix (Li &amp; Liang 2021; Liu et al. 2022).</summary>
/// <remarks>
/// Only text tokens send queries; the prefix has no hidden states. On the CPU attention is computed in F32, whatever the encoder's type: libtorch's
/// (2.10) backward pass in 16 bits takes four to eight times as long as in F32, its forward pass a fifth longer; and the prefix keeps all its bits.
/// <see cref="Avx512Attention"/> does so where it suits.
/// </remarks>
internal static class PrefixedAttention
{
    /// <param name="q">Queries of all tokens, or of some, <c>[B, h, Q, D]</c>.</param>
    /// <param name="k">Keys of the text, <c>[B, h, T, D]</c>.</param>
    /// <param name="v">Values of the text, <c>[B, h, T, D]</c>.</param>
    /// <param name="prefix">Keys and values of this layer; null where it has none.</param>
    /// <param name="mask">0 for visible keys, else a large negative number, <c>[B, 1, 1, P + T]</c> or <c>[B, 1, Q, P + T]</c>; null for all.</param>
    /// <param name="dropout">Dropout on attention probabilities, those of the prefix included; null for none.</param>
    /// <param name="observe">Is given the attention probabilities before dropout, <c>[B, h, Q, P + T]</c>; null for nothing.</param>
    /// <returns>Context, <c>[B, h, Q, D]</c>.</returns>
    public static Tensor Attend(
        Tensor q, Tensor k, Tensor v, LayerPrefix? prefix, Tensor? mask, Dropout? dropout = null, Action<Tensor>? observe = null)
    {
        var type = q.dtype;
        if (dropout is null && observe is null && Avx512Attention.Suits(q) && Avx512Attention.Suits(k) && Avx512Attention.Suits(v))
            return Avx512Attention.Attend(q, k, v, prefix, mask);
        if (type is ScalarType.BFloat16 or ScalarType.Float16 && q.device.type == DeviceType.CPU)
            (q, k, v, mask) = (q.ToTrainedType(), k.ToTrainedType(), v.ToTrainedType(), mask?.ToTrainedType());
        if (prefix is not null)
        {
            (k, v) = prefix.Prepend(k, v);                                    // [B, h, P + T, D]
            mask = prefix.AddGate(mask, k.size(2), k.dtype);
        }

        var context = dropout is null && observe is null
            ? functional.scaled_dot_product_attention(q, k, v, mask)
            : AttendWrittenOut(q, k, v, mask, dropout, observe);
        return context.to(type);
    }

    /// <summary>Because the fused attention draws its dropout from TorchSharp's global generator, and keeps its probabilities to itself.</summary>
    private static Tensor AttendWrittenOut(Tensor q, Tensor k, Tensor v, Tensor? mask, Dropout? dropout, Action<Tensor>? observe)
    {
        var scores = matmul(q, k.transpose(-2, -1)).DividedBy(Math.Sqrt(q.size(-1))); // [B, h, Q, P + T]
        if (mask is not null)
            scores = scores.Plus(mask);

        var probabilities = functional.softmax(scores, -1);
        observe?.Invoke(probabilities);
        return matmul(probabilities.Drop(dropout), v);
    }
}
