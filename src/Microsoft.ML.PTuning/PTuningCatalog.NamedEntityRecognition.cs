using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML
{
    public static partial class PTuningCatalog
    {
        /// <summary>A tag for each word of a sentence: named entities, chunks, the roles of a predicate, parts of speech.</summary>
        /// <param name="labelColumnName">
        /// The tags, a vector of keys, one per word, in IOB1, IOB2 or BIOES; or, beside whole texts, a vector of entities as
        /// <see cref="EntitySpan"/> writes them.
        /// </param>
        /// <param name="sentence1ColumnName">The sentence: a vector of words, or a text.</param>
        /// <param name="predicateColumnName">For semantic roles, the index of the predicate's word, from 0, Int32; null for other tags.</param>
        /// <param name="scoreColumnName">The probability of each predicted tag.</param>
        /// <param name="predictedLabelColumnName">The predicted tags, a vector of keys, one per word, in IOB2.</param>
        /// <param name="entitiesColumnName">The predicted entities with their characters, each as <see cref="EntitySpan"/> writes it.</param>
        /// <inheritdoc cref="PTuningV2(MulticlassClassificationCatalog.MulticlassClassificationTrainers, string, string, string, string, string, string, int, double, int, int, IDataView)"/>
        public static PTuningV2Trainer PTuningV2NamedEntityRecognition(
            this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
            string labelColumnName = Default.Label,
            string sentence1ColumnName = Default.Sentence1,
            string? predicateColumnName = null,
            string scoreColumnName = Default.Score,
            string predictedLabelColumnName = Default.PredictedLabel,
            string entitiesColumnName = Default.Entities,
            string? backbone = null,
            int prefixLength = Default.TokenPrefixLength,
            double learningRate = Default.TokenLearningRate,
            int batchSize = Default.BatchSize,
            int maxEpochs = Default.MaxEpochs,
            IDataView? validationSet = null) =>
            catalog.PTuningV2NamedEntityRecognition(Trained(new PTuningV2Trainer.NamedEntityOptions
            {
                LabelColumnName = labelColumnName,
                Sentence1ColumnName = sentence1ColumnName,
                PredicateColumnName = predicateColumnName,
                ScoreColumnName = scoreColumnName,
                PredictedLabelColumnName = predictedLabelColumnName,
                EntitiesColumnName = entitiesColumnName,
            }, backbone, prefixLength, learningRate, batchSize, maxEpochs, validationSet));

        /// <summary>A tag for each word of a sentence: named entities, chunks, the roles of a predicate, parts of speech.</summary>
        public static PTuningV2Trainer PTuningV2NamedEntityRecognition(
            this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, PTuningV2Trainer.NamedEntityOptions options)
        {
            ArgumentNullException.ThrowIfNull(catalog);
            return new PTuningV2Trainer(CatalogUtils.GetEnvironment(catalog), options);
        }
    }
}

namespace Microsoft.ML.PTuning
{
    public sealed partial class PTuningV2Trainer
    {
        /// <summary>Options of a <see cref="PTuningV2Trainer"/> that tags the words of sentences.</summary>
        /// <remarks>
        /// With words, and with texts that are split at white space, <see cref="LabelColumnName"/> is a vector of keys, a tag per word. With texts it may be
        /// a vector of entities instead, each as <see cref="EntitySpan"/> writes it; words then end at white space and at punctuation. Empty texts among them
        /// are passed over. A missing key is no entity. Where a row has one and no tag stands for it (<c>O</c>, <c>0</c>), the model gets the tag <c>O</c> besides.
        /// <see cref="Options.ScoreColumnName"/> is the probability of each predicted tag.
        /// </remarks>
        public sealed class NamedEntityOptions : Options
        {
            /// <summary>
            /// Options with a <see cref="TrainingOptions.PrefixLength"/> of 50 and a <see cref="TrainingOptions.LearningRate"/> of 2e-2:
            /// heads that read every token want more than those that read one vector.
            /// </summary>
            public NamedEntityOptions()
                : base(Default.TokenPrefixLength, Default.TokenLearningRate)
            {
            }

            /// <summary>The tags, a vector of keys, or the entities, a vector of text.</summary>
            public string LabelColumnName { get; set; } = Default.Label;

            /// <summary>The sentence: a vector of words, or a text.</summary>
            public string Sentence1ColumnName { get; set; } = Default.Sentence1;

            /// <summary>
            /// For semantic role labelling, the index of the word whose roles are asked for, from 0, Int32; each predicate is a row of its own.
            /// Null for other tasks.
            /// </summary>
            public string? PredicateColumnName { get; set; }

            /// <summary>The predicted tags, a vector of keys, one per word, in IOB2.</summary>
            public string PredictedLabelColumnName { get; set; } = Default.PredictedLabel;

            /// <summary>What the tags say together: a vector of entities with their characters, each as <see cref="EntitySpan"/> writes it.</summary>
            public string EntitiesColumnName { get; set; } = Default.Entities;

            internal override PromptTask ToTask() => new NamedEntityRecognition
            {
                LabelColumnName = LabelColumnName,
                Sentence1ColumnName = Sentence1ColumnName,
                PredicateColumnName = PredicateColumnName,
                PredictedLabelColumnName = PredictedLabelColumnName,
                ScoreColumnName = ScoreColumnName,
                EntitiesColumnName = EntitiesColumnName,
                MaxLength = MaxLength,
            };

            internal override void Check()
            {
                base.Check();
                OptionRange.Named(LabelColumnName);
                OptionRange.Named(Sentence1ColumnName);
                OptionRange.NamedOrNull(PredicateColumnName);
                OptionRange.Named(PredictedLabelColumnName);
                OptionRange.Named(EntitiesColumnName);
            }
        }
    }
}
