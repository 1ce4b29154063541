using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Serving;

/// <summary>All models are replaced once per second while requests come at half of what the service can answer.</summary>
internal sealed class Replacing : IBenchmark
{
    private const int Models = 16, Callers = 16, Seconds = 10;

    private static readonly TimeSpan Time = TimeSpan.FromSeconds(Seconds);

    public string Name => "serving-replacing";

    public string Comparison => $"99th percentile of answers while all {Models} models are replaced once per second, by that without (mini encoder)";

    public RatioKind Kind => RatioKind.Time;

    public bool OnlyByName => true;

    public Ratio Measure(int threads)
    {
        using var folder = new ModelFolder(UntrainedModel.SmallEncoder, Models);
        using var service = new ServiceProcess(Service.Package, folder);
        using var load = new LoadGenerator(service.Address, folder.Names);
        load.WarmUp();
        var rate = load.Closed(Callers, TimeSpan.FromSeconds(3)).Goodput / 2;
        var quiet = load.Open(rate, Time);

        using var stop = new CancellationTokenSource();
        var replacing = ReplaceAsync(folder, stop.Token);
        var replaced = load.Open(rate, Time);
        stop.Cancel();
        replacing.GetAwaiter().GetResult();

        var ratio = replaced.P99 / quiet.P99;
        return new Ratio(ratio, ratio, ratio)
        {
            Note = FormattableString.Invariant(
                $"{replaced.P99:F1} by {quiet.P99:F1} ms at {rate:F0} requests/s; {service.Figures().Replacements} models replaced; ")
                + $"{replaced.All.Count(sent => !sent.IsPredicted)} of {replaced.All.Count} requests without a prediction",
        };
    }

    private static async Task ReplaceAsync(ModelFolder folder, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        try
        {
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false))
                folder.ReplaceAll();
        }
        catch (OperationCanceledException)
        {
        }
    }
}
