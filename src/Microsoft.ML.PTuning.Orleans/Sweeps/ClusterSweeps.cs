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
        var run = new Run(grains, name, (await ActiveSilosAsync(grains)).Count);
        return await sweep.RunAsync(run.MeasureAsync, run.Parallel);
    }

    private static async Task<IReadOnlyList<SiloAddress>> ActiveSilosAsync(IGrainFactory grains) =>
        [.. (await grains.GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true)).Keys];

    /// <summary>A run of a sweep.</summary>
    /// <param name="silos">How many there are; a trial for each is under way.</param>
    private sealed class Run(IGrainFactory grains, string name, int silos)
    {
        private readonly SiloSlots _slots = new();

        public int Parallel { get; } = Math.Max(1, silos);

        public async Task<double> MeasureAsync(PTuningSweepPoint point, CancellationToken cancellationToken)
        {
            var request = new TrialRequest(name, point.Candidate, point.Epochs, point.Options);
            var grain = grains.GetGrain<ITrialGrain>(FormattableString.Invariant($"{name}/{point.Candidate}/{point.Epochs}"));
            while (true)
            {
                try
                {
                    return Metric(await CallAsync(grain, request, cancellationToken));
                }
                catch (Exception e) when (e is OrleansException or TimeoutException && !cancellationToken.IsCancellationRequested)
                {
                    await Task.Delay(s_pause, cancellationToken); // The silo died: another one trains the trial.
                }
            }
        }

        private async Task<TrialReply> CallAsync(ITrialGrain grain, TrialRequest request, CancellationToken cancellationToken)
        {
            var active = await ActiveSilosAsync(grains);
            SiloAddress? silo;
            lock (_slots)
                silo = _slots.TryTake(active, int.MaxValue);
            if (silo is null)
                return await grain.MeasureAsync(request, cancellationToken);

            try
            {
                return await SiloSlots.CallAsync(silo, () => grain.MeasureAsync(request, cancellationToken));
            }
            finally
            {
                lock (_slots)
                    _slots.GiveBack(silo);
            }
        }

        private static double Metric(TrialReply reply) =>
            reply.Refusal is { } refusal ? throw new InvalidDataException(refusal)
            : reply.Failure is { } failure ? throw new InvalidOperationException(failure)
            : reply.Metric;
    }
}
