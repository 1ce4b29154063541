namespace Microsoft.ML.PTuning;

public sealed partial class PTuningV2Trainer
{
    /// <summary>Options of a <see cref="PTuningV2Trainer"/> that tags the words of sentences.</summary>
    /// <remarks>
    /// <see cref="Options.Sentence1ColumnName"/> is a vector of words, or a text. With words, and with texts that are split at white space,
    /// <see cref="Options.LabelColumnName"/> is a vector of keys, a tag per word. With texts it may be a vector of entities instead,
    /// each as <see cref="EntitySpan"/> writes it; words then end at white space and at punctuation. Empty texts among them are passed over.
    /// A missing key is an O; where O is none of the tags, its word is not learned.
    /// </remarks>
    public sealed class NamedEntityOptions : Options
    {
        /// <summary>
        /// Options with a <see cref="TrainingOptions.PrefixLength"/> of 50 and a <see cref="TrainingOptions.LearningRate"/> of 2e-2:
        /// heads that read every token want more than those that read one vector.
        /// </summary>
        public NamedEntityOptions() => (PrefixLength, LearningRate) = (50, 2e-2);

        /// <summary>What the tags say together: a vector of entities with their characters, each as <see cref="EntitySpan"/> writes it.</summary>
        public string EntitiesColumnName { get; set; } = "Entities";

        /// <summary>
        /// For semantic role labelling, the index of the word whose roles are asked for, from 0, Int32; each predicate is a row of its own.
        /// Null for other tasks.
        /// </summary>
        public string? PredicateColumnName { get; set; }

        internal override void Check()
        {
            base.Check();
            ArgumentException.ThrowIfNullOrEmpty(EntitiesColumnName, nameof(EntitiesColumnName));
            if (PredicateColumnName is not null)
                ArgumentException.ThrowIfNullOrEmpty(PredicateColumnName, nameof(PredicateColumnName));
            RefusePooling();
            RefuseSecondSentence("Words are tagged in one sentence");
        }
    }
}
