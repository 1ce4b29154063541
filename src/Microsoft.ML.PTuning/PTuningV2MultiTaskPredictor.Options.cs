namespace Microsoft.ML.PTuning;

public sealed partial class PTuningV2MultiTaskPredictor
{
    /// <summary>Options of a <see cref="PTuningV2MultiTaskPredictor"/>.</summary>
    /// <example>
    /// <code>
    /// var options = new PTuningV2MultiTaskPredictor.Options { MaxBatchSize = 32, MaxDelay = TimeSpan.FromMilliseconds(1), OwnsTransformers = true };
    /// await using var predictor = new PTuningV2MultiTaskPredictor(mlContext, options);
    /// predictor.Add("queue", mlContext.Model.Load("queue.zip", out _));
    /// </code>
    /// </example>
    public sealed class Options
    {
        /// <summary>The largest number of rows per batch; each window of a long text counts. On the CPU, batches also end at about 512 tokens.</summary>
        public int MaxBatchSize { get; set; } = 64;

        /// <summary>
        /// About how long a row waits for others to share a batch with while a core is free; timers are coarse. A row does not wait if nothing is being
        /// computed. With 0, rows wait only until a core is free.
        /// </summary>
        public TimeSpan MaxDelay { get; set; } = TimeSpan.FromMilliseconds(2);

        /// <summary>
        /// How many calls may wait to be computed. A call for several models counts as one; a cancelled call counts until a core is free.
        /// </summary>
        public int Capacity { get; set; } = 1024;

        /// <summary>
        /// Whether a call fails with <see cref="PredictionQueueFullException"/> while <see cref="Capacity"/> calls wait. If false, it waits for room until
        /// its token is cancelled.
        /// </summary>
        public bool RefuseWhenFull { get; set; }

        /// <summary>
        /// While a call would wait for longer until it is computed (<see cref="ExpectedWait"/>), calls are refused, too. It needs <see cref="RefuseWhenFull"/>.
        /// Null for any time.
        /// </summary>
        public TimeSpan? MaxWait { get; set; }

        /// <summary>
        /// Whether the predictor disposes models that are removed or replaced, and all models when it is disposed itself: after their last row.
        /// </summary>
        public bool OwnsTransformers { get; set; }

        internal Options Copy() => (Options)MemberwiseClone();

        /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
        internal void Check()
        {
            AtLeast(MaxBatchSize, 1, nameof(MaxBatchSize));
            AtLeast(Capacity, 1, nameof(Capacity));
            if (MaxDelay < TimeSpan.Zero || MaxDelay > TimeSpan.FromDays(1))
                throw new ArgumentOutOfRangeException(nameof(MaxDelay), MaxDelay, $"{nameof(MaxDelay)} must be 0 or more, and a day at most.");
            if (MaxWait < TimeSpan.Zero)
                throw new ArgumentOutOfRangeException(nameof(MaxWait), MaxWait, $"{nameof(MaxWait)} must be 0 or more.");
            if (MaxWait is not null && !RefuseWhenFull)
                throw new ArgumentOutOfRangeException(
                    nameof(MaxWait), MaxWait, $"{nameof(MaxWait)} says when calls are refused: set {nameof(RefuseWhenFull)}, too, or leave it null.");
        }

        private static void AtLeast(int value, int least, string name)
        {
            if (value < least)
                throw new ArgumentOutOfRangeException(name, value, $"{name} must be {least} or more.");
        }
    }
}
