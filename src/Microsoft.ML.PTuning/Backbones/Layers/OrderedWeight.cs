using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>A frozen weight in the order that oneDNN multiplies it in, made when it is first needed.</summary>
/// <remarks>
/// Without it oneDNN, or MKL, orders the weight anew in each product. It is a copy in this process's memory, so large encoders, whose weights stay in
/// their mapped files, do without, and so do products of few tokens, such as those of a single short row.
/// </remarks>
/// <param name="weight"><c>[to, from]</c>; it stays the caller's.</param>
internal sealed class OrderedWeight(Tensor weight) : IDisposable
{
    /// <summary>The largest encoder whose weights are copied, in bytes.</summary>
    public const long MostBytes = 1L << 30;

    /// <summary>With fewer tokens, or in a smaller layer, the call takes as long as is gained.</summary>
    private const int LeastTokens = 64, LeastSize = 64;

    private readonly object _gate = new();
    private Tensor? _ordered;

    /// <summary>The ordered weight, for a product without gradients.</summary>
    /// <param name="x"><c>[..., from]</c>.</param>
    /// <returns>Null where <see cref="LinearProduct"/> is as good, or where there are gradients.</returns>
    public Tensor? For(Tensor x)
    {
        if (is_grad_enabled() || x.device_type != DeviceType.CPU || x.dtype != weight.dtype || x.numel() < LeastTokens * weight.size(1)
            || weight.shape.Min() < LeastSize || weight.numel() > LinearProduct.MostWeights
            || (x.dtype == ScalarType.Float32 && !LinearProduct.IsMklSlow) || !OneDnnProduct.Suits(x.dtype))
        {
            return null;
        }

        if (Volatile.Read(ref _ordered) is { } ordered)
            return ordered;
        lock (_gate)
        {
            if (_ordered is null)
                Volatile.Write(ref _ordered, OneDnnProduct.Order(weight).DetachFromDisposeScope());
            return _ordered;
        }
    }

    public void Dispose() => _ordered?.Dispose();
}
