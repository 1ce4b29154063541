namespace Microsoft.ML.PTuning.Benchmarks.Serving;

/// <summary>Three times as many requests as the service can answer: how many rows it still predicts, and how soon it refuses the others.</summary>
/// <remarks>
/// The generator of the load takes more of the cores then, too. So predictions per second of the service's own processor time are told, as well.
/// </remarks>
internal sealed class Overload(string name, string encoderName, string? encoder) : IBenchmark
{
    private const int Models = 16, Callers = 64, Times = 3, Climbs = 3;
    private const double Climb = 1.2;

    private static readonly TimeSpan Time = TimeSpan.FromSeconds(8);

    public string Name => name;

    public string Comparison =>
        $"rows per second predicted at {Times} times the requests of the peak, by the peak, the most of {Callers} callers and of {Climbs} open loops "
        + $"({Models} models, {encoderName})";

    public RatioKind Kind => RatioKind.Share;

    public bool OnlyByName => true;

    public Ratio Measure(int threads)
    {
        using var folder = new ModelFolder(encoder, Models);
        using var service = new ServiceProcess(Service.Package, folder);
        using var load = new LoadGenerator(service.Address, folder.Names);
        load.WarmUp();
        var (peak, peakCpu) = Run(service, () => load.Closed(Callers, Time));
        for (var climb = 0; climb < Climbs; climb++) // Callers that wait for answers leave the service time.
        {
            var (more, moreCpu) = Run(service, () => load.Open(Climb * peak.Goodput, Time));
            if (more.Goodput > peak.Goodput)
                (peak, peakCpu) = (more, moreCpu);
        }
        var (over, overCpu) = Run(service, () => load.Open(Times * peak.Goodput, Time));
        var ratio = over.Goodput / peak.Goodput;
        return new Ratio(ratio, ratio, ratio)
        {
            Note = FormattableString.Invariant(
                $"{over.Goodput:F0} by {peak.Goodput:F0} rows/s, per second of the service's processors {overCpu:F0} by {peakCpu:F0}; ")
                + FormattableString.Invariant($"predicted in p99 {over.P99:F0} ms; {over.RefusedShare:P0} refused in p50 {Refused(over, 0.5):F1}, ")
                + FormattableString.Invariant($"p99 {Refused(over, 0.99):F0} ms; {peak.Failed + over.Failed} failed"),
        };
    }

    private static (LoadResult Result, double PerCpuSecond) Run(ServiceProcess service, Func<LoadResult> run)
    {
        var before = service.Figures().CpuSeconds;
        var result = run();
        return (result, result.All.Count(sent => sent.IsPredicted) / (service.Figures().CpuSeconds - before));
    }

    private static double Refused(LoadResult result, double part) => LoadResult.Percentile(result.All.Where(sent => sent.IsRefused), part);
}
