using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>Inverted dropout (Srivastava et al. 2014) from a generator of its own, never from TorchSharp's global one.</summary>
/// <param name="rate">The share of elements that become 0; the others are scaled by 1 / (1 - rate).</param>
/// <param name="generator">Generator of the masks. It is on the CPU: TorchSharp (0.107) makes every generator there, whatever the device.</param>
internal sealed class Dropout(double rate, Generator generator)
{
    /// <summary>The state of its generator, for <see cref="RestoreGenerator"/>.</summary>
    public Tensor SaveGenerator() => generator.get_state();

    /// <summary>Sets its generator back, so that the same masks are drawn again.</summary>
    public void RestoreGenerator(Tensor state) => generator.set_state(state);

    /// <returns><paramref name="x"/> with a fresh mask, the same shape; <paramref name="x"/> itself where the rate is 0.</returns>
    public Tensor Apply(Tensor x)
    {
        if (rate == 0)
            return x;

        using Scalar keptShare = 1 - rate;
        var mask = empty_like(x, ScalarType.Float32, device: CPU).uniform_(0, 1, generator).lt_(keptShare).div_(keptShare); // bernoulli_ takes twice as long.
        return x * mask.to(x.dtype).ToDevice(x.device);
    }
}

/// <summary>Dropout in training; none otherwise.</summary>
internal static class OptionalDropout
{
    public static Tensor Drop(this Tensor x, Dropout? dropout) => dropout is null ? x : dropout.Apply(x);
}
