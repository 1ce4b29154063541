using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>A text's vector as sentence-transformers makes it (Reimers &amp; Gurevych 2019): the mean over its tokens, special tokens included.</summary>
internal static class MeanPooling
{
    /// <param name="hidden">Hidden states, F32 <c>[B, T, H]</c>.</param>
    /// <param name="mask">1 at a token, 0 at padding, Float32 <c>[B, T]</c>; null where no row is padded.</param>
    /// <returns>Vectors of length 1, <c>[B, H]</c>.</returns>
    public static Tensor Pool(Tensor hidden, Tensor? mask)
    {
        // The sum has the direction of the mean.
        var sum = mask is null ? hidden.sum([1]) : mask.to(hidden.dtype).unsqueeze(1).bmm(hidden).squeeze(1);
        return nn.functional.normalize(sum, dim: 1);
    }
}
