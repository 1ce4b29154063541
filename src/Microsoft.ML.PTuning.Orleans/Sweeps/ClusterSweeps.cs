using Microsoft.ML.PTuning.Orleans.Placement;

namespace Microsoft.ML.PTuning.Orleans.Sweeps;

internal sealed class ClusterSweeps(IGrainFactory grains) : IClusterSweeps
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    public async Task<PTuningSweepResult<TOptions>> RunAsync<TOptions>(string name, PTuningSweep<TOptions> sweep)
        where TOptions : PTuningV2Trainer.Options
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(sweep);
        var slots = new SiloSlots();
        var parallel = Math.Max(1, (await ActiveSilosAsync()).Count);
        return await sweep.RunAsync((point, cancellation) => MeasureAsync(name, point, slots, cancellation), parallel);
    }

    private async Task<IReadOnlyList<SiloAddress>> ActiveSilosAsync() => [.. (await grains.GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true)).Keys];

    private async Task<double> MeasureAsync(string name, PTuningSweepPoint point, SiloSlots slots, CancellationToken cancellationToken)
    {
        var request = new TrialRequest(name, point.Candidate, point.Epochs, point.Options);
        var grain = grains.GetGrain<ITrialGrain>(FormattableString.Invariant($"{name}/{point.Candidate}/{point.Epochs}"));
        while (true)
        {
            try
            {
                return Metric(await AskAsync(grain, request, slots, cancellationToken));
            }
            catch (Exception e) when (IsLost(e) && !cancellationToken.IsCancellationRequested)
            {
                await Task.Delay(s_pause, cancellationToken); // The silo died or stops: another one trains the trial.
            }
        }
    }

    private async Task<TrialReply> AskAsync(ITrialGrain grain, TrialRequest request, SiloSlots slots, CancellationToken cancellationToken)
    {
        var silo = slots.TryTake(await ActiveSilosAsync(), int.MaxValue) ?? throw new SiloUnavailableException("No silo is active.");
        try
        {
            return await SiloSlots.AskAsync(silo, () => grain.MeasureAsync(request, cancellationToken));
        }
        finally
        {
            slots.GiveBack(silo);
        }
    }

    private static bool IsLost(Exception e) => e is OrleansException or TimeoutException or ObjectDisposedException or OperationCanceledException;

    private static double Metric(TrialReply reply) =>
        reply.Refusal is { } refusal ? throw new InvalidDataException(refusal)
        : reply.Failure is { } failure ? throw new InvalidOperationException(failure)
        : reply.Metric;
}
