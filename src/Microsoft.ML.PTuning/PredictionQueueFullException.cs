namespace Microsoft.ML.PTuning;

/// <summary>A <see cref="MultiTaskPredictor"/> has refused a call because its queue is full. Try again later, or answer "too busy".</summary>
public sealed class PredictionQueueFullException : InvalidOperationException
{
    internal PredictionQueueFullException(int capacity)
        : base(
            $"{capacity} calls are waiting to be computed, which is all that the queue takes. Try again later, set a larger Capacity, "
            + "or set RefuseWhenFull to false to wait for room.")
    {
    }
}
