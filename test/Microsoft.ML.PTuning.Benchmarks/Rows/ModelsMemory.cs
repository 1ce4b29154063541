using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>Memory that 200 models over one encoder add to the first, against the bytes of their tensors.</summary>
internal sealed class ModelsMemory : IBenchmark
{
    private const int Models = 200;

    public string Name => "models-memory";

    public string Comparison => $"private memory of {Models} loaded models over one encoder by the bytes of their prefixes and heads";

    public RatioKind Kind => RatioKind.Memory;

    public string? Obstacle => PrivateMemory.Obstacle;

    public Ratio Measure(int threads)
    {
        using var saved = new SavedModel(BaseShapedEncoder.Folder);
        using var model = new UntrainedModel(BaseShapedEncoder.Folder);
        var tensors = (double)Models * model.Tensors.Bytes;
        return PairedMeasurement.Compare(() => ChildMeasurement.Run(nameof(ModelsMemory), saved.Path) / 1e6, () => tensors / 1e6, "MB");
    }

    /// <summary>What a child measures.</summary>
    /// <param name="arguments">The saved model's path.</param>
    public static double BytesInThisProcess(string[] arguments)
    {
        var context = new MLContext(seed: 1);
        using var first = SavedModel.Load(context, arguments[0]);
        SavedModel.Predict(context, first);

        var before = PrivateMemory.Bytes();
        PTuningV2Transformer[] models = [.. Enumerable.Range(0, Models).Select(_ => SavedModel.Load(context, arguments[0]))];
        var added = PrivateMemory.Bytes() - before;
        foreach (var model in models)
            model.Dispose();
        return added;
    }
}
