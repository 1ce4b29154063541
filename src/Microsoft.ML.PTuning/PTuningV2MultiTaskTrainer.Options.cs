using Microsoft.ML.PTuning.Training;

namespace Microsoft.ML.PTuning;

public sealed partial class PTuningV2MultiTaskTrainer
{
    /// <summary>Options of a <see cref="PTuningV2MultiTaskTrainer"/>: they hold for all tasks.</summary>
    /// <remarks>
    /// An epoch has as many steps as all tasks have batches. With validation sets, the epoch with the best mean metric is kept.
    /// Progress tells the task of every step; when a task continues alone, its steps count from 1 again.
    /// </remarks>
    public sealed class Options : TrainingOptions
    {
        /// <summary>
        /// Each step learns one task, drawn with a probability in proportion to its rows (windows of long ones) to the power of 1 / Temperature:
        /// 1 for as many steps as a task has batches, a large number (or infinity) for as many steps of every task.
        /// </summary>
        public double Temperature { get; set; } = 1;

        /// <summary>
        /// Epochs in which each task goes on alone, with a prefix and a head of its own; 0 for none. With a projection, the prefix itself goes on.
        /// A task with a validation set keeps what it had where no such epoch is better.
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
