namespace Microsoft.ML.PTuning.Orleans.Placement;

/// <summary>A grain that computes for long. A call waits some seconds for the reply, and returns null if there is none yet: the caller asks again.</summary>
/// <remarks>
/// So no call lasts long, and every caller finds out soon that a silo has died: other silos are told, but clients are not. The next call begins the work
/// on another silo.
/// </remarks>
/// <param name="limit">How many of them compute at a time on a silo.</param>
internal abstract class WorkGrain<TReply>(SemaphoreSlim limit) : Grain
    where TReply : class
{
    private readonly CancellationTokenSource _stop = new();
    private Task<TReply>? _work;

    /// <summary>Stops the work of a silo that is shut down; another one begins it again.</summary>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => _stop.CancelAsync();

    /// <param name="work">Runs on a thread of the pool, because a grain's own thread must stay free. Later calls wait for the same work.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    protected async Task<TReply?> AskAsync(Func<CancellationToken, TReply> work, CancellationToken cancellationToken)
    {
        _work ??= RunAsync(work);
        using (cancellationToken.Register(_stop.Cancel))
            await Task.WhenAny(_work, Task.Delay(ShortCalls.Patience, cancellationToken));
        if (!_work.IsCompleted)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return null;
        }

        DeactivateOnIdle();
        return await _work;
    }

    private async Task<TReply> RunAsync(Func<CancellationToken, TReply> work)
    {
        await limit.WaitAsync(_stop.Token);
        try
        {
            return await Task.Run(() => work(_stop.Token), _stop.Token);
        }
        finally
        {
            limit.Release();
        }
    }
}
