using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Interop;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>Memory of its own that a process takes for an encoder that another process has in use already, as part of the encoder's bytes.</summary>
/// <remarks>This process is the other one. The child has used the default encoder before: code and buffers of the libraries do not count.</remarks>
internal sealed class SecondProcessMemory : IBenchmark
{
    public string Name => "second-process-private-memory";

    public string Comparison => "private memory that a second process takes to load an encoder and predict, by the encoder's bytes";

    public RatioKind Kind => RatioKind.Memory;

    public string? Obstacle => PrivateMemory.Obstacle;

    public Ratio Measure(int threads)
    {
        using var saved = new SavedModel(BaseShapedEncoder.Folder);
        var context = new MLContext(seed: 1);
        using var here = SavedModel.Load(context, saved.Path);
        SavedModel.Predict(context, here);
        double bytes = here.Backbone.FileBytes;
        return PairedMeasurement.Compare(() => ChildMeasurement.Run(nameof(SecondProcessMemory), saved.Path) / 1e6, () => bytes / 1e6, "MB");
    }

    /// <summary>What a child measures.</summary>
    /// <param name="arguments">The saved model's path.</param>
    public static double BytesInThisProcess(string[] arguments)
    {
        TorchNative.EnsureLoaded();
        var context = new MLContext(seed: 1);
        using var other = new UntrainedModel();
        using var transformer = other.ToTransformer();
        SavedModel.Predict(context, transformer);

        var before = PrivateMemory.Bytes();
        using var model = SavedModel.Load(context, arguments[0]);
        SavedModel.Predict(context, model);
        return PrivateMemory.Bytes() - before;
    }
}
