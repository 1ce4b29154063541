namespace Microsoft.ML.PTuning;

public sealed partial class PTuningV2MultiTaskPredictor
{
    /// <summary>Options of a <see cref="PTuningV2MultiTaskPredictor"/>.</summary>
    public sealed class Options
    {
        /// <summary>Most rows of a batch; each window of a long text counts as one. Batches of long rows are smaller: on the CPU about 256 tokens.</summary>
        public int MaxBatchSize { get; set; } = 64;

        /// <summary>
        /// How long a row waits for others to share a batch with while a core is free; about, timers are coarse. A row that finds nothing being
        /// computed does not wait at all. 0 takes what is there whenever a core is free.
        /// </summary>
        public TimeSpan MaxDelay { get; set; } = TimeSpan.FromMilliseconds(2);

        /// <summary>
        /// How many calls may wait to be computed; one that asks several models about a row counts as one, and one that was cancelled counts until a
        /// core is free.
        /// </summary>
        public int Capacity { get; set; } = 1024;

        /// <summary>
        /// What happens to a call when <see cref="Capacity"/> calls wait: it waits for room, until its token is cancelled (false), or it fails with
        /// <see cref="PredictionQueueFullException"/> (true).
        /// </summary>
        public bool RefuseWhenFull { get; set; }

        /// <summary>
        /// Whether models are disposed when they are removed or replaced, and with the predictor: after the last row that is on its way through them.
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
        }

        private static void AtLeast(int value, int least, string name)
        {
            if (value < least)
                throw new ArgumentOutOfRangeException(name, value, $"{name} must be {least} or more.");
        }
    }
}
