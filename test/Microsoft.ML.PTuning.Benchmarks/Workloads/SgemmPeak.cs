using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Compute;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>The most that this machine's products of matrices reach: what all work of an encoder is held against.</summary>
/// <remarks>
/// The product of a feed-forward layer, 1024 x 768 by 768 x 3072, in the faster of two ways: one product spread over all threads, or one per thread
/// side by side.
/// </remarks>
/// <param name="type">The type of number; F32 where it is not given.</param>
internal sealed class SgemmPeak(int threads, ScalarType type = ScalarType.Float32) : IDisposable
{
    private const int Rows = 1024, Inner = 768, Columns = 3072, Repetitions = 16;

    private readonly Tensor _weight = randn(Columns, Inner).to(type).DetachFromDisposeScope();
    private readonly Tensor[] _inputs = [.. Enumerable.Range(0, threads).Select(_ => randn(Rows, Inner).to(type).DetachFromDisposeScope())];

    /// <returns>Floating-point operations a second.</returns>
    public double Measure() => Math.Max(SpeedOf(1, Spread), SpeedOf(threads, SideBySide));

    public void Dispose()
    {
        foreach (var tensor in _inputs.Append(_weight))
            tensor.Dispose();
    }

    private static double SpeedOf(int products, Action run) =>
        2.0 * Rows * Inner * Columns * products * Repetitions / PairedMeasurement.Seconds(run);

    private void Spread() => Multiply(0);

    private void SideBySide() => WorkerThreads.Shared.Run(threads, Multiply);

    private void Multiply(int i)
    {
        for (var repetition = 0; repetition < Repetitions; repetition++)
            LinearProduct.Of(_inputs[i], _weight, bias: null).Dispose();
    }
}
