using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.ML.PTuning.Tests.AspNetCore;

/// <summary>What an application's own meters measured.</summary>
internal sealed class CollectedMetrics : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly List<(string Name, double Value, string? Error)> _measured = [];

    public CollectedMetrics(ServingApplication application)
    {
        var factory = application.Application.Services.GetRequiredService<IMeterFactory>();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name is "Microsoft.ML.PTuning.Serving" or "Microsoft.ML.PTuning.AspNetCore" && instrument.Meter.Scope == factory)
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
    }

    public int Count(string instrument) => Of(instrument).Length;

    public double Sum(string instrument) => Of(instrument).Sum(measured => measured.Value);

    public string?[] Errors(string instrument) => [.. Of(instrument).Select(measured => measured.Error)];

    /// <summary>The current value of an observable instrument.</summary>
    public double Observe(string instrument)
    {
        _listener.RecordObservableInstruments();
        return Of(instrument)[^1].Value;
    }

    public void Dispose() => _listener.Dispose();

    private (string Name, double Value, string? Error)[] Of(string instrument)
    {
        lock (_measured)
            return [.. _measured.Where(measured => measured.Name == instrument)];
    }

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string? error = null;
        foreach (var (name, tag) in tags)
            if (name == "error.type")
                error = (string?)tag;
        lock (_measured)
            _measured.Add((instrument.Name, value, error));
    }
}
