using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>The product of a linear layer, by the faster of the two libraries that libtorch has for it on this processor.</summary>
/// <remarks>
/// libtorch computes F32 products with MKL, which uses AVX-512 on Intel's processors only. Its convolutions are oneDNN's, which uses AVX-512 wherever it
/// is: on AMD's Zen 5 twice as fast. A linear layer is a convolution over images of one pixel's height whose kernel is one pixel. The results differ
/// by rounding.
/// </remarks>
internal static class LinearProduct
{
    /// <summary>The width of an image, in tokens. One width for all batches: oneDNN generates code for each, which takes longer than a product.</summary>
    private const int Width = 16;

    /// <summary>With fewer tokens MKL is as fast, since oneDNN reorders the weight for each product.</summary>
    private const int LeastTokens = 64;

    /// <summary>oneDNN's reordered copy of the weight is not to be large: that of a vocabulary is.</summary>
    public const int MostWeights = 1 << 24;

    /// <summary>
    /// Does nothing to a kernel of one pixel, but without it libtorch gives few images to oneDNN only if the thread may use several cores.
    /// </summary>
    private static readonly long[] Dilation = [2, 2];

    /// <summary>Whether MKL leaves AVX-512 unused on this processor.</summary>
    public static bool IsMklSlow { get; } = Avx512F.IsSupported && !IsIntel();

    /// <param name="x"><c>[..., from]</c>.</param>
    /// <param name="weight"><c>[to, from]</c>.</param>
    /// <param name="bias"><c>[to]</c>; null for none.</param>
    /// <returns><c>x Wᵀ + b</c>, <c>[..., to]</c>.</returns>
    public static Tensor Of(Tensor x, Tensor weight, Tensor? bias) =>
        IsMklSlow && SuitsConvolution(x, weight) ? ByConvolution(x, weight, bias) : functional.linear(x, weight, bias);

    /// <inheritdoc cref="Of"/>
    /// <remarks>Of 16 tokens or more, in F32 on the CPU, whatever the processor.</remarks>
    public static Tensor ByConvolution(Tensor x, Tensor weight, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        var (from, to) = (weight.size(1), weight.size(0));
        var tokens = x.numel() / from;
        var rest = tokens % Width;

        var rows = x.reshape(tokens, from);
        if (rest == 0)
            return Whole(rows).view([.. x.shape[..^1], to]).MoveToOuterDisposeScope();

        var parts = rows.split([tokens - rest, rest]);               // No padding: the backward pass would keep the padded copy.
        return cat([Whole(parts[0]), functional.linear(parts[1], weight, bias)]).view([.. x.shape[..^1], to]).MoveToOuterDisposeScope();

        Tensor Whole(Tensor images) =>                               // [N · Width, from] to [N · Width, to]
            functional.conv2d(images.view(-1, 1, Width, from).permute(0, 3, 1, 2), weight.view(to, from, 1, 1), bias, dilation: Dilation)
                .permute(0, 2, 3, 1).reshape(-1, to);
    }

    private static bool SuitsConvolution(Tensor x, Tensor weight) =>
        x.dtype == ScalarType.Float32 && x.device_type == DeviceType.CPU && x.numel() >= LeastTokens * weight.size(1)
        && weight.is_contiguous() && weight.numel() <= MostWeights;

    private static bool IsIntel()
    {
        var (_, ebx, ecx, edx) = X86Base.CpuId(0, 0);
        return (ebx, edx, ecx) == (0x756e6547, 0x49656e69, 0x6c65746e);                           // "Genu", "ineI", "ntel"
    }
}
