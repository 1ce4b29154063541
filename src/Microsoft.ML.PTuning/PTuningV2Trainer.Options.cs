using Microsoft.ML.PTuning.Training;

namespace Microsoft.ML.PTuning;

public sealed partial class PTuningV2Trainer
{
    /// <summary>Options of a <see cref="PTuningV2Trainer"/> for classification and regression; those of other tasks derive from them.</summary>
    public class Options : TrainingOptions
    {
        /// <summary>The label: a key for multiclass classification, Boolean for binary classification, Single for regression.</summary>
        public string LabelColumnName { get; set; } = "Label";

        /// <summary>The text, or the first text of a pair.</summary>
        public string Sentence1ColumnName { get; set; } = "Sentence1";

        /// <summary>The second text of a pair; null for single texts.</summary>
        public string? Sentence2ColumnName { get; set; }

        /// <summary>The scores: probabilities (multiclass), the difference of the logits (binary), the number (regression).</summary>
        public string ScoreColumnName { get; set; } = "Score";

        /// <summary>The predicted class. Not used in regression.</summary>
        public string PredictedLabelColumnName { get; set; } = "PredictedLabel";

        /// <summary>The probability of true. Used in binary classification only.</summary>
        public string ProbabilityColumnName { get; set; } = "Probability";

        /// <summary>Most tokens of a row, special tokens included; longer rows are truncated and counted.</summary>
        public int MaxLength { get; set; } = 128;

        /// <summary>How a text becomes the one vector that the head reads. For tags and answers it has no use.</summary>
        public Pooling Pooling { get; set; }

        /// <summary>Pads every row to <see cref="MaxLength"/> while training, as the official scripts do; slower, for comparison.</summary>
        public bool PadToMaxLength { get; set; }

        /// <summary>
        /// Rows that judge every epoch, with the columns of the training rows. With them the best epoch's weights are returned, without them the last's.
        /// </summary>
        public IDataView? ValidationSet { get; set; }

        /// <summary>
        /// A model to start from instead of random values; training copies it and leaves it as it is. Its prefix is taken over,
        /// and its head where it is of the same task with the same classes in the same order. Encoder and prefix must be as in these options.
        /// </summary>
        public PTuningV2Transformer? InitialModel { get; set; }

        internal Options Copy() => (Options)MemberwiseClone();

        /// <summary>Options of the same kind, every one at its default.</summary>
        internal Options Untouched() => (Options)Activator.CreateInstance(GetType())!;

        /// <exception cref="ArgumentException">A column has no name, or an option does not go with another.</exception>
        /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
        internal override void Check()
        {
            base.Check();
            ArgumentException.ThrowIfNullOrEmpty(LabelColumnName, nameof(LabelColumnName));
            ArgumentException.ThrowIfNullOrEmpty(Sentence1ColumnName, nameof(Sentence1ColumnName));
            if (Sentence2ColumnName is not null)
                ArgumentException.ThrowIfNullOrEmpty(Sentence2ColumnName, nameof(Sentence2ColumnName));
            ArgumentException.ThrowIfNullOrEmpty(ScoreColumnName, nameof(ScoreColumnName));
            ArgumentException.ThrowIfNullOrEmpty(PredictedLabelColumnName, nameof(PredictedLabelColumnName));
            ArgumentException.ThrowIfNullOrEmpty(ProbabilityColumnName, nameof(ProbabilityColumnName));
            AtLeast(MaxLength, 1, nameof(MaxLength));
            if (!Enum.IsDefined(Pooling))
                throw new ArgumentOutOfRangeException(nameof(Pooling), Pooling, $"Pooling must be one of {string.Join(", ", Enum.GetNames<Pooling>())}.");
            if (InitialModel is not null && PrefixProjection)
                throw new ArgumentException(
                    "PrefixProjection does not go with an InitialModel: a model keeps the prefix, not the network that made it. "
                    + "Set PrefixProjection to false; the prefix is then trained itself.", nameof(InitialModel));
        }

        internal override TrainingSettings Settings(int seed, int shards, Action<string> log, Action checkCancelled) =>
            base.Settings(seed, shards, log, checkCancelled) with { PadToLength = PadToMaxLength ? MaxLength : 0 };

        private protected void RefusePooling()
        {
            if (Pooling != Pooling.Automatic)
                throw new ArgumentException($"The head reads every token here; Pooling {Pooling} has no use. Leave it {Pooling.Automatic}.", nameof(Pooling));
        }

        private protected void RefuseSecondSentence(string reason)
        {
            if (Sentence2ColumnName is not null)
                throw new ArgumentException($"{reason}; Sentence2ColumnName '{Sentence2ColumnName}' has no use. Leave it null.", nameof(Sentence2ColumnName));
        }
    }
}
