namespace Microsoft.ML.PTuning.Orleans.Placement;

/// <summary>How much a silo does at a time, whoever asks for it.</summary>
internal sealed class SiloLimits(PTuningSiloOptions options) : IDisposable
{
    public SemaphoreSlim Ranges { get; } = new(options.RangesPerSilo);

    public SemaphoreSlim Trials { get; } = new(options.TrialsPerSilo);

    /// <summary>Runs work that computes on a thread of the pool, because a grain's own thread must stay free.</summary>
    public static async Task<T> RunAsync<T>(SemaphoreSlim limit, Func<T> work, CancellationToken cancellation)
    {
        await limit.WaitAsync(cancellation);
        try
        {
            return await Task.Run(work, cancellation);
        }
        finally
        {
            limit.Release();
        }
    }

    public void Dispose()
    {
        Ranges.Dispose();
        Trials.Dispose();
    }
}
