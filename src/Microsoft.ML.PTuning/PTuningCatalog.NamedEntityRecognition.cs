using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML
{
    public static partial class PTuningCatalog
    {
        /// <summary>Creates a trainer that tags the words of sentences: named entities, chunks, the roles of a predicate, parts of speech.</summary>
        /// <param name="labelColumnName">
        /// The tags, a vector of keys, one per word, in IOB1, IOB2 or BIOES. For whole texts it may be a vector of entities, as <see cref="EntitySpan"/>
        /// writes them.
        /// </param>
        /// <param name="sentence1ColumnName">The sentence: a vector of words, or a text.</param>
        /// <param name="predicateColumnName">For semantic roles, the index of the predicate's word, from 0, Int32; null for other tags.</param>
        /// <param name="scoreColumnName">The probability of each predicted tag.</param>
        /// <param name="predictedLabelColumnName">The predicted tags, a vector of keys, one per word, in IOB2.</param>
        /// <param name="entitiesColumnName">The predicted entities with their characters, each as <see cref="EntitySpan"/> writes it.</param>
        /// <inheritdoc cref="PTuningV2(MulticlassClassificationCatalog.MulticlassClassificationTrainers, string, string, string, string, string, string, int, double, int, int, IDataView)"/>
        /// <example>
        /// <code>
        /// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2NamedEntityRecognition(labelColumnName: "Cities", sentence1ColumnName: "Text");
        /// using var model = trainer.Fit(messages); // Cities: a vector of text, such as "CITY 16 25"; Text: text.
        /// var scored = model.Transform(newMessages);
        /// var metrics = mlContext.MulticlassClassification.EvaluateNamedEntityRecognition(scored, "Cities", "Entities");
        /// </code>
        /// </example>
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

        /// <summary>Creates a trainer that tags the words of sentences: named entities, chunks, the roles of a predicate, parts of speech.</summary>
        /// <param name="options">Columns, encoder, prefix and training; they are copied.</param>
        /// <exception cref="ArgumentException">
        /// An output column has the name of another column, a column has no name, or two options exclude each other.
        /// </exception>
        /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
        /// <inheritdoc cref="PTuningV2Trainer.NamedEntityOptions" path="/example"/>
        public static PTuningV2Trainer PTuningV2NamedEntityRecognition(
            this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, PTuningV2Trainer.NamedEntityOptions options) =>
            Create(catalog, options);
    }
}

namespace Microsoft.ML.PTuning
{
    public sealed partial class PTuningV2Trainer
    {
        /// <summary>Options of a <see cref="PTuningV2Trainer"/> that tags the words of sentences.</summary>
        /// <remarks>
        /// <see cref="LabelColumnName"/> is a vector of keys, a tag per word; texts are split into words at white space. For texts it may be a vector of
        /// entities instead, each as <see cref="EntitySpan"/> writes it; words then end at white space and at punctuation, and empty entities are ignored.
        /// A missing key means no entity. If a row has one and no tag means it (<c>O</c>, <c>0</c>), the model adds the tag <c>O</c>.
        /// <see cref="Options.ScoreColumnName"/> is the probability of each predicted tag.
        /// </remarks>
        /// <example>
        /// <code>
        /// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2NamedEntityRecognition(new PTuningV2Trainer.NamedEntityOptions
        /// {
        ///     Sentence1ColumnName = "Words",
        ///     PredicateColumnName = "Predicate", // For semantic roles: the index of the predicate's word.
        ///     MaxLength = 256,
        /// });
        /// </code>
        /// </example>
        public sealed class NamedEntityOptions : Options
        {
            /// <summary>
            /// Options with a <see cref="TrainingOptions.PrefixLength"/> of 50 and a <see cref="TrainingOptions.LearningRate"/> of 2e-2:
            /// heads that read every token need more than heads that read one vector.
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
            /// For semantic role labelling, the index of the predicate's word, from 0, Int32; each predicate has its own row. Null for other tasks.
            /// </summary>
            public string? PredicateColumnName { get; set; }

            /// <summary>The predicted tags, a vector of keys, one per word, in IOB2.</summary>
            public string PredictedLabelColumnName { get; set; } = Default.PredictedLabel;

            /// <summary>The predicted entities with their characters, a vector of text, each as <see cref="EntitySpan"/> writes it.</summary>
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
