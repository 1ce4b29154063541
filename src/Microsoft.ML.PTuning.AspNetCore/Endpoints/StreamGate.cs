using Microsoft.Extensions.Options;

namespace Microsoft.ML.PTuning.AspNetCore.Endpoints;

/// <summary>Lets rows of all streams take at most half of the queue and of the wait, so that single requests find room.</summary>
internal sealed class StreamGate(QueueWatch queue, IOptions<PTuningOptions> options) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    private readonly SemaphoreSlim _room = new(Math.Max(1, options.Value.QueueCapacity / 2));

    /// <summary>Waits until a stream may send its next row.</summary>
    public async Task WaitAsync(string model, CancellationToken cancellationToken)
    {
        while (queue.IsHalfFull(model))
            await Task.Delay(Pause, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Predicts when there is room. Single requests may have filled the queue; then it tries again after a pause.</summary>
    public async Task<T> RunAsync<T>(Func<Task<T>> predict, CancellationToken cancellationToken)
    {
        await _room.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            while (true)
            {
                try
                {
                    return await predict().ConfigureAwait(false);
                }
                catch (PredictionQueueFullException)
                {
                    await Task.Delay(Pause, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            _room.Release();
        }
    }

    public void Dispose() => _room.Dispose();
}
