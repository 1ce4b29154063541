using Microsoft.ML.PTuning.Training;

namespace Microsoft.ML.PTuning;

public sealed partial class PTuningV2MultiTaskTrainer
{
    /// <summary>Options of a <see cref="PTuningV2MultiTaskTrainer"/>, the same for all tasks.</summary>
    /// <remarks>
    /// An epoch has as many steps as all tasks have batches. With validation sets, the epoch with the best mean metric is kept.
    /// Progress reports name the task of the step; when a task continues alone, its steps count from 1 again.
    /// </remarks>
    /// <example>
    /// <code>
    /// var options = new PTuningV2MultiTaskTrainer.Options { MaxEpochs = 10, ContinuationEpochs = 5 };
    /// var trainer = new PTuningV2MultiTaskTrainer(mlContext, options);
    /// </code>
    /// </example>
    public sealed class Options : TrainingOptions
    {
        /// <summary>
        /// Each step learns one task. Its probability is proportional to its rows (windows of long ones) to the power of 1 / Temperature: with 1 a task has
        /// about as many steps as batches, with a large number (or infinity) all tasks have about as many steps.
        /// </summary>
        public double Temperature { get; set; } = 1;

        /// <summary>
        /// Epochs in which each task continues alone, with its own prefix and head; 0 for none. After a projection, the prefix itself is trained.
        /// A task with a validation set keeps its earlier weights if no such epoch is better.
        /// </summary>
        public int ContinuationEpochs { get; set; }

        internal Options Copy() => (Options)Clone();

        /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
        internal override void Check()
        {
            base.Check();
            OptionRange.AtLeast(PrefixLength, 1); // Without a prefix, the tasks would share nothing.
            OptionRange.AtLeast(ContinuationEpochs, 0);
            if (!(Temperature > 0))
                throw new ArgumentOutOfRangeException(
                    nameof(Temperature), Temperature, "The temperature must be more than 0: 1 draws tasks by their rows, more of it more evenly.");
        }

        internal override TrainingSettings Settings(int seed, int shards, Action<string> log, Action checkCancelled) =>
            base.Settings(seed, shards, log, checkCancelled) with { Temperature = Temperature };
    }
}
