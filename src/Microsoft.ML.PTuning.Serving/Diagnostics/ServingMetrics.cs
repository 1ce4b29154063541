using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Microsoft.ML.PTuning.Serving.Diagnostics;

/// <summary>Metrics of the models' folder. Those of rows and batches are the library's.</summary>
internal sealed class ServingMetrics
{
    /// <summary>Name of the meter: that of the assembly.</summary>
    public const string MeterName = "Microsoft.ML.PTuning.Serving";

    private const string ReplacementTag = "ptuning.model.replacement";
    private const string ErrorTag = "error.type";

    private readonly Histogram<double> _loadDuration;
    private readonly Counter<long> _unloaded;
    private int _listed;
    private int _loaded;
    private long _tensorBytes;

    public ServingMetrics(IMeterFactory factory)
    {
        var meter = factory.Create(new MeterOptions(MeterName) { Version = typeof(ServingMetrics).Assembly.GetName().Version?.ToString(3) });
        _loadDuration = meter.CreateHistogram<double>("ptuning.models.load.duration", "s", "Loading of a model from its file.");
        _unloaded = meter.CreateCounter<long>("ptuning.models.unloaded", "{model}", "Models that were unloaded to stay within the budget.");
        meter.CreateObservableUpDownCounter("ptuning.models.listed", () => Volatile.Read(ref _listed), "{model}", "Models in the folder.");
        meter.CreateObservableUpDownCounter("ptuning.models.loaded", () => Volatile.Read(ref _loaded), "{model}", "Models in memory.");
        meter.CreateObservableUpDownCounter(
            "ptuning.models.tensor.size", () => Volatile.Read(ref _tensorBytes), "By", "Tensors of models in memory or being loaded, as saved in F32.");
    }

    public void SetListed(int models) => Volatile.Write(ref _listed, models);

    public void SetLoaded(int models, long tensorBytes)
    {
        Volatile.Write(ref _loaded, models);
        Volatile.Write(ref _tensorBytes, tensorBytes);
    }

    public void CountUnloaded() => _unloaded.Add(1);

    /// <summary>Records the end of a load.</summary>
    /// <param name="start">In <see cref="Stopwatch"/> ticks.</param>
    /// <param name="isReplacement">Whether an older version was serving.</param>
    /// <param name="failure">Null if the model was loaded.</param>
    public void EndLoad(long start, bool isReplacement, Exception? failure)
    {
        var tags = new TagList { { ReplacementTag, isReplacement } };
        if (failure is not null)
            tags.Add(ErrorTag, failure.GetType().FullName);
        _loadDuration.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, tags);
    }
}
