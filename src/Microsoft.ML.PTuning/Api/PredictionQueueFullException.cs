namespace Microsoft.ML.PTuning;

/// <summary>A <see cref="PTuningV2MultiTaskPredictor"/> has refused a call because its queue is full. Try again later, or answer "too busy".</summary>
public sealed class PredictionQueueFullException : InvalidOperationException
{
    /// <param name="message">What is full, and what to do.</param>
    /// <example>
    /// <code>
    /// throw new PredictionQueueFullException("The queue of the machine that serves the model is full. Try again later.");
    /// </code>
    /// </example>
    public PredictionQueueFullException(string message)
        : base(message)
    {
    }

    internal PredictionQueueFullException(int capacity)
        : this(
            $"The queue is full: calls that wait to be computed number {capacity}, its Capacity. Try again later, set a larger Capacity, "
            + "or set RefuseWhenFull to false to wait for room.")
    {
    }

    internal PredictionQueueFullException(TimeSpan wait, TimeSpan most)
        : base(
            $"The queue is full: a call would wait for about {wait.TotalSeconds:F1} s until it is computed, longer than MaxWait, {most.TotalSeconds:F1} s. "
            + "Try again later, or set a longer MaxWait.")
    {
    }
}
