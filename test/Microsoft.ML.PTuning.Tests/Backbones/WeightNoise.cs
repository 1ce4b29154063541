using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>Moves every weight by a share of itself, up or down by chance.</summary>
/// <remarks>
/// Where the seed is even each weight moves for itself, where it is odd the weights of a sum move together: rounding hits single terms, and sums as a
/// whole, which counts where their common part cancels later (in a layer normalisation, in a softmax).
/// </remarks>
/// <param name="size">The share.</param>
internal sealed class WeightNoise(int seed, double size) : IDisposable
{
    private readonly Generator _generator = new((ulong)seed);

    /// <summary>The share by which an F32 sum of so many terms may be off: it is the exact sum of terms that are each off by that (Higham 2002, 4.2).</summary>
    public static double OfSum(long terms) => terms * Math.Pow(2, -24);

    /// <returns>The same tensor, its numbers moved.</returns>
    public Tensor Move(Tensor weights)
    {
        using var scope = NewDisposeScope();
        long[] shape = seed % 2 == 0 || weights.dim() < 2 ? weights.shape : [.. weights.shape.Select((size, i) => i == 0 ? size : 1)];
        var signs = empty(shape, weights.dtype).uniform_(-1, 1, _generator).sign();
        weights.mul_(1 + size * signs);
        return weights;
    }

    public void Dispose() => _generator.Dispose();
}
