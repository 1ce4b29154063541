using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning;

public sealed partial class PTuningV2Trainer
{
    /// <summary>What the options of all tasks share. Each task has a class of its own, such as <see cref="MulticlassOptions"/>.</summary>
    public abstract class Options : TrainingOptions
    {
        private protected Options(int prefixLength = Default.PrefixLength, double learningRate = Default.LearningRate)
            : base(prefixLength, learningRate)
        {
        }

        /// <summary>The scores; each task says what they are.</summary>
        public string ScoreColumnName { get; set; } = Default.Score;

        /// <summary>
        /// Most tokens of a row, special tokens included. Longer rows are truncated and counted; sentences to tag and contexts of answers are read in
        /// windows instead.
        /// </summary>
        public int MaxLength { get; set; } = Default.MaxLength;

        /// <summary>
        /// Rows that judge every epoch, with the columns of the training rows. With them the best epoch's weights are returned, without them the last's.
        /// </summary>
        public IDataView? ValidationSet { get; set; }

        /// <summary>
        /// A model to start from instead of random values; training copies it and leaves it as it is. What its method trained is taken over,
        /// and its head where it is of the same task with the same classes in the same order. Encoder and method must be as in these options.
        /// </summary>
        public PTuningV2Transformer? InitialModel { get; set; }

        internal Options Copy() => (Options)Clone();

        /// <summary>What is learned; it does not know the classes yet.</summary>
        internal abstract PromptTask ToTask();

        /// <exception cref="ArgumentException">A column has no name, or an option does not go with another.</exception>
        /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
        internal override void Check()
        {
            base.Check();
            OptionRange.Named(ScoreColumnName);
            OptionRange.AtLeast(MaxLength, 1);
            if (InitialModel is not null && PrefixProjection)
                throw new ArgumentException(
                    "PrefixProjection does not go with an InitialModel: a model keeps the prefix, not the network that made it. "
                    + "Set PrefixProjection to false; the prefix is then trained itself.", nameof(InitialModel));
        }
    }
}
