using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML
{
    public static partial class PTuningCatalog
    {
        /// <summary>Creates a trainer that chooses the best of several texts for a premise.</summary>
        /// <param name="labelColumnName">
        /// The index of the right choice, from 0: an Int32, or a UInt32 with the attribute <c>[KeyType(count)]</c>, which ML.NET's <c>Evaluate</c> needs.
        /// </param>
        /// <param name="sentence1ColumnName">The premise, a text.</param>
        /// <param name="choicesColumnName">The choices, a vector of text; rows may have different numbers of them.</param>
        /// <param name="scoreColumnName">The probabilities, one per choice.</param>
        /// <param name="predictedLabelColumnName">The best choice, a key: read into a UInt32, 1 is the first choice; 0 if the row has no choices.</param>
        /// <inheritdoc cref="PTuningV2(MulticlassClassificationCatalog.MulticlassClassificationTrainers, string, string, string, string, string, string, int, double, int, int, IDataView)"/>
        /// <example>
        /// <code>
        /// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2MultipleChoice(sentence1ColumnName: "Story", choicesColumnName: "Endings");
        /// using var model = trainer.Fit(stories); // Story: text; Endings: a vector of text; Label: Int32, from 0.
        /// var metrics = mlContext.MulticlassClassification.EvaluateMultipleChoice(model.Transform(newStories));
        /// </code>
        /// </example>
        public static PTuningV2Trainer PTuningV2MultipleChoice(
            this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
            string labelColumnName = Default.Label,
            string sentence1ColumnName = Default.Sentence1,
            string choicesColumnName = Default.Choices,
            string scoreColumnName = Default.Score,
            string predictedLabelColumnName = Default.PredictedLabel,
            string? backbone = null,
            int prefixLength = Default.PrefixLength,
            double learningRate = Default.LearningRate,
            int batchSize = Default.BatchSize,
            int maxEpochs = Default.MaxEpochs,
            IDataView? validationSet = null) =>
            catalog.PTuningV2MultipleChoice(Trained(new PTuningV2Trainer.MultipleChoiceOptions
            {
                LabelColumnName = labelColumnName,
                Sentence1ColumnName = sentence1ColumnName,
                ChoicesColumnName = choicesColumnName,
                ScoreColumnName = scoreColumnName,
                PredictedLabelColumnName = predictedLabelColumnName,
            }, backbone, prefixLength, learningRate, batchSize, maxEpochs, validationSet));

        /// <summary>Creates a trainer that chooses the best of several texts for a premise.</summary>
        /// <param name="options">Columns, encoder, prefix and training; they are copied.</param>
        /// <exception cref="ArgumentException">
        /// An output column has the name of another column, a column has no name, or two options exclude each other.
        /// </exception>
        /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
        /// <inheritdoc cref="PTuningV2Trainer.MultipleChoiceOptions" path="/example"/>
        public static PTuningV2Trainer PTuningV2MultipleChoice(
            this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, PTuningV2Trainer.MultipleChoiceOptions options) =>
            Create(catalog, options);
    }
}

namespace Microsoft.ML.PTuning
{
    public sealed partial class PTuningV2Trainer
    {
        /// <summary>Options of a <see cref="PTuningV2Trainer"/> that chooses the best of several texts.</summary>
        /// <remarks><see cref="Options.ScoreColumnName"/> is a probability per choice.</remarks>
        /// <example>
        /// <code>
        /// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2MultipleChoice(new PTuningV2Trainer.MultipleChoiceOptions
        /// {
        ///     Sentence1ColumnName = "Story",
        ///     ChoicesColumnName = "Endings",
        ///     MaxLength = 256, // Tokens of a story and an ending together.
        /// });
        /// </code>
        /// </example>
        public sealed class MultipleChoiceOptions : Options
        {
            /// <summary>
            /// The index of the right choice, from 0: an Int32, or a key, which ML.NET's <c>Evaluate</c> needs. ML.NET numbers a UInt32 property with the
            /// attribute <c>[KeyType(count)]</c> from 0 when it reads it, and from 1 when it writes it. Do not use <c>MapValueToKey</c>: it numbers
            /// values in the order in which they appear.
            /// </summary>
            public string LabelColumnName { get; set; } = Default.Label;

            /// <summary>The premise, a text.</summary>
            public string Sentence1ColumnName { get; set; } = Default.Sentence1;

            /// <summary>
            /// The choices, a vector of text. Rows may have different numbers of them; ML.NET's <c>Evaluate</c> needs a vector of fixed size.
            /// </summary>
            public string ChoicesColumnName { get; set; } = Default.Choices;

            /// <summary>The best choice, a key: read into a UInt32, 1 is the first choice; 0 if the row has no choices.</summary>
            public string PredictedLabelColumnName { get; set; } = Default.PredictedLabel;

            /// <inheritdoc cref="SentenceOptions.Pooling"/>
            public Pooling Pooling { get; set; }

            internal override PromptTask ToTask() => new MultipleChoice
            {
                LabelColumnName = LabelColumnName,
                Sentence1ColumnName = Sentence1ColumnName,
                ChoicesColumnName = ChoicesColumnName,
                ScoreColumnName = ScoreColumnName,
                PredictedLabelColumnName = PredictedLabelColumnName,
                Pooling = Pooling,
                MaxLength = MaxLength,
            };

            internal override void Check()
            {
                base.Check();
                OptionRange.Named(LabelColumnName);
                OptionRange.Named(Sentence1ColumnName);
                OptionRange.Named(ChoicesColumnName);
                OptionRange.Named(PredictedLabelColumnName);
                OptionRange.Defined(Pooling);
            }
        }
    }
}
