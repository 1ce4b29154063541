using System.Diagnostics;
using Microsoft.ML.PTuning.Backbones.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Compute;

/// <summary>Chooses the type of number for <see cref="BackbonePrecision.Auto"/>: BF16 where the processor computes it natively, else F32.</summary>
/// <remarks>
/// A measurement decides, not the processor's name: BF16 products without instructions for them take several times as long as F32's. It takes some
/// milliseconds, once per process.
/// </remarks>
internal static class ProcessorPrecision
{
    /// <summary>How much faster BF16's products must be: what is around them gains nothing.</summary>
    public const double LeastGain = 1.3;

    /// <summary>The size of the products: tokens, and hidden units of a small encoder.</summary>
    private const int Tokens = 128, Hidden = 384;

    private const int Repetitions = 7;

    private static readonly Lazy<double> LazyGain = new(() => SingleCoreThread.Run("P-Tuning precision", MeasureGain));

    /// <summary>How many times as fast as F32 this processor computes BF16's products, on one core.</summary>
    public static double Gain => LazyGain.Value;

    /// <summary>The precision itself; for <see cref="BackbonePrecision.Auto"/> what suits device, method and task.</summary>
    /// <remarks>
    /// Weights that a method changes are F32 and would be rounded for each batch. A written text depends on every choice before: one that rounding
    /// changes is another text.
    /// </remarks>
    /// <param name="changesWeights">As in <see cref="TuningMethod.ChangesWeights"/>.</param>
    /// <param name="writes">Whether the task writes text.</param>
    public static BackbonePrecision On(this BackbonePrecision precision, Device device, bool changesWeights = false, bool writes = false) =>
        precision.On(device, changesWeights, writes, () => Gain);

    /// <inheritdoc cref="On(BackbonePrecision, Device, bool, bool)"/>
    /// <param name="gain">As <see cref="Gain"/>; asked for only where it decides.</param>
    public static BackbonePrecision On(this BackbonePrecision precision, Device device, bool changesWeights, bool writes, Func<double> gain) =>
        precision != BackbonePrecision.Auto ? precision
        : device.type == DeviceType.CPU && !changesWeights && !writes && gain() >= LeastGain ? BackbonePrecision.BFloat16
        : BackbonePrecision.Float32;

    private static double MeasureGain()
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        Products exact = new(ScalarType.Float32), half = new(ScalarType.BFloat16);
        exact.Time(); // The first product of a type prepares it.
        half.Time();
        var (exactTimes, halfTimes) = (new List<long>(), new List<long>());
        for (var i = 0; i < Repetitions; i++) // In turn, so that what else the machine does meets both.
        {
            exactTimes.Add(exact.Time());
            halfTimes.Add(half.Time());
        }
        return (double)exactTimes.Min() / Math.Max(1, halfTimes.Min());
    }

    /// <summary>A layer's products in a type of number.</summary>
    private sealed class Products(ScalarType type)
    {
        private readonly Tensor _states = ones(Tokens, Hidden, type), _weight = ones(4 * Hidden, Hidden, type);

        public long Time()
        {
            var start = Stopwatch.GetTimestamp();
            using var product = LinearProduct.Of(_states, _weight, bias: null);
            return Stopwatch.GetTimestamp() - start;
        }
    }
}
