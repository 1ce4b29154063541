namespace Microsoft.ML.PTuning.AspNetCore.Hosting;

/// <summary>Counts the requests that run, so that a shutdown can wait for them. Safe for any number of threads.</summary>
internal sealed class Drain : IDisposable
{
    private readonly object _gate = new();
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _expired = new();
    private int _running;

    /// <summary>Whether new requests are refused.</summary>
    public bool IsDraining { get; private set; }

    /// <summary>Cancelled when the requests that still run must end.</summary>
    public CancellationToken Expired => _expired.Token;

    /// <returns>Whether the request may run; <see cref="Exit"/> ends it then.</returns>
    public bool TryEnter()
    {
        lock (_gate)
        {
            if (!IsDraining)
                _running++;
            return !IsDraining;
        }
    }

    public void Exit()
    {
        lock (_gate)
            if (--_running == 0 && IsDraining)
                _empty.TrySetResult();
    }

    /// <summary>Refuses new requests, and waits for those that run; after the time they are cancelled.</summary>
    /// <param name="cancellationToken">Ends the wait at once.</param>
    public async Task RunAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            IsDraining = true;
            if (_running == 0)
                _empty.TrySetResult();
        }
        try
        {
            await _empty.Task.WaitAsync(timeout, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            await _expired.CancelAsync().ConfigureAwait(false);
        }
    }

    public void Dispose() => _expired.Dispose();
}
