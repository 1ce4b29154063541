namespace Microsoft.ML.PTuning.Benchmarks.Serving;

/// <summary>Rows per second that are predicted in time, by the service and by one with a pool of PredictionEngines per model.</summary>
internal sealed class ServedRate(string name, string encoderName, string? encoder, int models) : IBenchmark
{
    private const int Callers = 16;

    public string Name => name;

    public string Comparison =>
        $"rows per second with 99 of 100 within {RateSearch.MostMilliseconds} ms, by those of PredictionEngine pools ({models} models, {encoderName})";

    public bool OnlyByName => true;

    public Ratio Measure(int threads)
    {
        using var folder = new ModelFolder(encoder, models);
        var served = Find(Service.Package, folder);
        var pooled = Find(Service.EnginePool, folder);
        var ratio = served.Rate / pooled.Rate;
        return new Ratio(ratio, ratio, ratio)
        {
            Note = FormattableString.Invariant(
                $"{served.Rate:F0} by {pooled.Rate:F0} rows/s; p99 {served.P99:F0} and {pooled.P99:F0} ms; {Callers} callers: ")
                + FormattableString.Invariant($"{served.Closed:F0} and {pooled.Closed:F0} rows/s"),
        };
    }

    private static (double Rate, double P99, double Closed) Find(string kind, ModelFolder folder)
    {
        using var service = new ServiceProcess(kind, folder);
        using var load = new LoadGenerator(service.Address, folder.Names);
        load.WarmUp();
        var closed = load.Closed(Callers, TimeSpan.FromSeconds(3)).Goodput;
        var (rate, p99) = RateSearch.Find(load, closed / 4);
        return (rate, p99, closed);
    }
}
