using System.Diagnostics.Metrics;

namespace Microsoft.ML.PTuning.Benchmarks.Serving;

/// <summary>Counts the models that were loaded in the place of an older version.</summary>
internal sealed class LoadCount : IDisposable
{
    private readonly MeterListener _listener = new();
    private int _replacements;

    public LoadCount()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "ptuning.models.load.duration")
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<double>((_, _, tags, _) =>
        {
            foreach (var (tag, value) in tags)
                if (tag == "ptuning.model.replacement" && value is true)
                    Interlocked.Increment(ref _replacements);
        });
        _listener.Start();
    }

    public int Replacements => Volatile.Read(ref _replacements);

    public void Dispose() => _listener.Dispose();
}
