using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace Serving;

/// <summary>What the page shows about the service, since its start.</summary>
/// <param name="Waiting">Rows that wait to be computed, now.</param>
/// <param name="Answers">Predictions that were made.</param>
/// <param name="Seconds">How long these took, summed.</param>
internal sealed record Figures(int Waiting, long Answers, double Seconds);

/// <summary>Reads the meter of the library for the page. Monitoring reads the same meter at <c>/metrics</c>.</summary>
internal sealed class LiveFigures : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly MeterListener _listener = new();
    private readonly IHostApplicationLifetime _lifetime;
    private Figures _figures = new(0, 0, 0);

    public LiveFigures(IHostApplicationLifetime lifetime)
    {
        _lifetime = lifetime;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument is { Meter.Name: "Microsoft.ML.PTuning", Name: "ptuning.predictor.waiting" or "ptuning.predictor.duration" })
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<int>((_, waiting, _, _) => Change(figures => figures with { Waiting = waiting }));
        _listener.SetMeasurementEventCallback<double>((_, seconds, _, _) =>
            Change(figures => figures with { Answers = figures.Answers + 1, Seconds = figures.Seconds + seconds }));
        _listener.Start();
    }

    /// <summary>The figures twice a second, until the page is closed or the service shuts down.</summary>
    public async IAsyncEnumerable<Figures> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _lifetime.ApplicationStopping);
        while (!ending.IsCancellationRequested)
        {
            _listener.RecordObservableInstruments();
            yield return _figures;
            await Task.Delay(Pause, ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public void Dispose() => _listener.Dispose();

    private void Change(Func<Figures, Figures> change)
    {
        lock (_gate)
            _figures = change(_figures);
    }
}
