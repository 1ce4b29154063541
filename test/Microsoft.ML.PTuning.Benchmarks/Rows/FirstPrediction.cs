using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>How long a new process takes from LoadFrom to the end of its first prediction.</summary>
/// <remarks>The machine has read the encoder's files before. Native libraries are loaded and methods compiled in that time.</remarks>
/// <param name="encoder">The encoder's folder; null for the default encoder.</param>
/// <param name="title">What the row calls it.</param>
/// <param name="precision">The type of number in which it is loaded.</param>
internal sealed class FirstPrediction(
    string name, string title, Func<string?> encoder, BackbonePrecision precision = BackbonePrecision.Float32) : IBenchmark
{
    public string Name => name;

    public string Comparison => $"seconds of a new process from LoadFrom to the end of its first prediction, {title} in {precision}, files in the page cache";

    public RatioKind Kind => RatioKind.Seconds;

    public Ratio Measure(int threads)
    {
        using var saved = new SavedModel(encoder());
        ChildMeasurement.Run(nameof(FirstPrediction), saved.Path, $"{precision}");
        return Ratio.Of(Enumerable.Range(0, PairedMeasurement.Pairs).Select(_ => ChildMeasurement.Run(nameof(FirstPrediction), saved.Path, $"{precision}")));
    }

    /// <summary>What a child measures.</summary>
    /// <param name="arguments">The saved model's path, and the precision.</param>
    public static double SecondsInThisProcess(string[] arguments)
    {
        var context = new MLContext(seed: 1);
        context.SetPTuningPrecision(Enum.Parse<BackbonePrecision>(arguments[1]));
        return PairedMeasurement.Seconds(() =>
        {
            using var model = SavedModel.Load(context, arguments[0]);
            SavedModel.Predict(context, model);
        });
    }
}
