using Microsoft.Extensions.Options;

namespace Microsoft.ML.PTuning.Serving.Models;

/// <summary>A predictor per encoder.</summary>
internal sealed class Predictors(ServingContext serving, IOptions<PTuningModelsOptions> options) : IAsyncDisposable, IDisposable
{
    private readonly Dictionary<string, PTuningV2MultiTaskPredictor> _byEncoder = new(StringComparer.Ordinal);
    private bool _isDisposed;

    /// <param name="encoder">The encoder's folder.</param>
    public PTuningV2MultiTaskPredictor For(string encoder)
    {
        lock (_byEncoder)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (!_byEncoder.TryGetValue(encoder, out var predictor))
                _byEncoder[encoder] = predictor = new PTuningV2MultiTaskPredictor(serving.Context, new()
                {
                    MaxBatchSize = options.Value.MaxBatchSize,
                    MaxDelay = options.Value.MaxBatchDelay,
                    Capacity = options.Value.QueueCapacity,
                    MaxWait = options.Value.MaxQueueWait,
                    RefuseWhenFull = true,
                    OwnsTransformers = true,
                });
            return predictor;
        }
    }

    public void Dispose()
    {
        foreach (var predictor in Close())
            predictor.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var predictor in Close())
            await predictor.DisposeAsync().ConfigureAwait(false);
    }

    private PTuningV2MultiTaskPredictor[] Close()
    {
        lock (_byEncoder)
        {
            _isDisposed = true;
            PTuningV2MultiTaskPredictor[] predictors = [.. _byEncoder.Values];
            _byEncoder.Clear();
            return predictors;
        }
    }
}
