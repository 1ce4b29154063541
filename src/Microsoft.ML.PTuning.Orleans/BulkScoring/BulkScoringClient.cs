namespace Microsoft.ML.PTuning.Orleans.BulkScoring;

/// <summary>Asks the grain of a job. Calls can be repeated, so one that a dying silo has lost is.</summary>
internal sealed class BulkScoringClient(IGrainFactory grains) : IBulkScoring
{
    private const int MostTries = 20;

    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    public async Task<string> StartAsync(ScoringJob job)
    {
        ArgumentNullException.ThrowIfNull(job);
        job.Check();
        var id = job.Id ?? Guid.NewGuid().ToString("N");
        await CallAsync(id, grain => grain.StartAsync(job.WithArrays() with { Id = id }));
        return id;
    }

    public async Task<ScoringProgress> GetProgressAsync(string id)
    {
        ScoringProgress? progress = null;
        await CallAsync(id, async grain => progress = await grain.GetProgressAsync());
        return progress!;
    }

    public async Task<ScoringProgress> WaitAsync(string id, IProgress<ScoringProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ScoringProgress? told = null;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var now = await GetProgressAsync(id);
            if (now != told)
                progress?.Report(now);
            told = now;
            switch (now.State)
            {
                case ScoringState.Completed:
                    return now;
                case ScoringState.Failed:
                    throw new InvalidOperationException($"The job '{id}' failed: {now.Error} Resume it when the reason is removed.");
                case ScoringState.Cancelled:
                    throw new InvalidOperationException($"The job '{id}' was cancelled.");
                default:
                    await Task.Delay(s_look, cancellationToken);
                    break;
            }
        }
    }

    public Task PauseAsync(string id) => CallAsync(id, grain => grain.PauseAsync());

    public Task ResumeAsync(string id) => CallAsync(id, grain => grain.ResumeAsync());

    public Task CancelAsync(string id) => CallAsync(id, grain => grain.CancelAsync());

    private async Task CallAsync(string id, Func<IScoringJobGrain, Task> call)
    {
        RequireName(id);
        for (var tried = 1; ; tried++)
        {
            try
            {
                await call(grains.GetGrain<IScoringJobGrain>(id));
                return;
            }
            catch (Exception e) when (e is OrleansException or TimeoutException or ObjectDisposedException && tried < MostTries)
            {
                await Task.Delay(s_pause);
            }
        }
    }

    // It becomes a folder.
    private static void RequireName(string id)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        if (id.Length > 64 || id[0] == '.' || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
            throw new ArgumentException($"Expected a name of at most 64 letters, digits, '-', '_' and dots, no dot first; found '{id}'.", nameof(id));
    }
}
