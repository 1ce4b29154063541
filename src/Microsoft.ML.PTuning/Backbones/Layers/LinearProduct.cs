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

    /// <summary>libtorch leaves smaller inputs of a single image to its own, slower, convolution.</summary>
    private const int LeastNumbers = 20480;

    /// <summary>
    /// Does nothing to a kernel of one pixel, but libtorch hands a convolution of such a kernel to oneDNN only if it is dilated, or if the thread may
    /// use several cores.
    /// </summary>
    private static readonly long[] Dilation = [2, 2];

    /// <summary>Whether MKL leaves AVX-512 unused on this processor.</summary>
    private static readonly bool IsMklSlow = Avx512F.IsSupported && !IsIntel();

    /// <param name="x"><c>[..., from]</c>.</param>
    /// <param name="weight"><c>[to, from]</c>.</param>
    /// <param name="bias"><c>[to]</c>; null for none.</param>
    /// <returns><c>x Wᵀ + b</c>, <c>[..., to]</c>.</returns>
    public static Tensor Of(Tensor x, Tensor weight, Tensor? bias) =>
        IsMklSlow && SuitsConvolution(x, weight) ? ByConvolution(x, weight, bias) : functional.linear(x, weight, bias);

    private static bool SuitsConvolution(Tensor x, Tensor weight)
    {
        var size = weight.size(1);
        return x.dtype == ScalarType.Float32 && x.device_type == DeviceType.CPU && weight.is_contiguous() &&
            x.numel() >= LeastTokens * size && x.numel() > LeastNumbers;
    }

    /// <inheritdoc cref="Of"/>
    /// <remarks>On F32 and the CPU, whatever the processor.</remarks>
    public static Tensor ByConvolution(Tensor x, Tensor weight, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        var (from, to) = (weight.size(1), weight.size(0));
        var tokens = x.numel() / from;
        var missing = (Width - tokens % Width) % Width;

        var images = x.reshape(tokens, from);
        if (missing > 0)
            images = cat([images, zeros(missing, from)]);
        images = images.view(-1, 1, Width, from).permute(0, 3, 1, 2);                             // [N, from, 1, Width], channels last
        var output = functional.conv2d(images, weight.view(to, from, 1, 1), bias, dilation: Dilation)
            .permute(0, 2, 3, 1).reshape(-1, to);                                                 // [T, to]
        return output.narrow(0, 0, tokens).view([.. x.shape[..^1], to]).MoveToOuterDisposeScope();
    }

    private static bool IsIntel()
    {
        var (_, ebx, ecx, edx) = X86Base.CpuId(0, 0);
        return (ebx, edx, ecx) == (0x756e6547, 0x49656e69, 0x6c65746e);                           // "Genu", "ineI", "ntel"
    }
}
