using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>How long a new process takes from LoadFrom to the end of its first prediction.</summary>
/// <remarks>Over 440 MB of encoder that the machine has read before. Native libraries are loaded and methods compiled in that time.</remarks>
internal sealed class FirstPrediction : IBenchmark
{
    public string Name => "load-and-first-prediction";

    public string Comparison => "seconds of a new process from LoadFrom to the end of its first prediction, BERT-base shape, files in the page cache";

    public RatioKind Kind => RatioKind.Seconds;

    public Ratio Measure(int threads)
    {
        using var saved = new SavedModel();
        ChildMeasurement.Run(nameof(FirstPrediction), saved.Path);
        return Ratio.Of(Enumerable.Range(0, PairedMeasurement.Pairs).Select(_ => ChildMeasurement.Run(nameof(FirstPrediction), saved.Path)));
    }

    /// <summary>What a child measures.</summary>
    /// <param name="arguments">The saved model's path.</param>
    public static double SecondsInThisProcess(string[] arguments)
    {
        var context = new MLContext(seed: 1);
        return PairedMeasurement.Seconds(() =>
        {
            using var model = SavedModel.Load(context, arguments[0]);
            SavedModel.Predict(context, model);
        });
    }
}
