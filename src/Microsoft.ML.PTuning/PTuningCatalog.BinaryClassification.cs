using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML
{
    public static partial class PTuningCatalog
    {
        /// <summary>Creates a trainer that predicts true or false for a text or a pair of texts.</summary>
        /// <param name="labelColumnName">The label, Boolean.</param>
        /// <param name="scoreColumnName">The difference of the two logits, Single; above 0 for true.</param>
        /// <param name="predictedLabelColumnName">The predicted class, Boolean.</param>
        /// <param name="probabilityColumnName">The probability of true, Single, 0 to 1.</param>
        /// <inheritdoc cref="PTuningV2(MulticlassClassificationCatalog.MulticlassClassificationTrainers, string, string, string, string, string, string, int, double, int, int, IDataView)"/>
        /// <example>
        /// <code>
        /// var trainer = mlContext.BinaryClassification.Trainers.PTuningV2(labelColumnName: "Urgent", sentence1ColumnName: "Text");
        /// using var model = trainer.Fit(tickets); // Urgent: Boolean; Text: text.
        /// var metrics = mlContext.BinaryClassification.Evaluate(model.Transform(newTickets), labelColumnName: "Urgent");
        /// </code>
        /// </example>
        public static PTuningV2Trainer PTuningV2(
            this BinaryClassificationCatalog.BinaryClassificationTrainers catalog,
            string labelColumnName = Default.Label,
            string sentence1ColumnName = Default.Sentence1,
            string? sentence2ColumnName = null,
            string scoreColumnName = Default.Score,
            string predictedLabelColumnName = Default.PredictedLabel,
            string probabilityColumnName = Default.Probability,
            string? backbone = null,
            int prefixLength = Default.PrefixLength,
            double learningRate = Default.LearningRate,
            int batchSize = Default.BatchSize,
            int maxEpochs = Default.MaxEpochs,
            IDataView? validationSet = null) =>
            catalog.PTuningV2(Trained(new PTuningV2Trainer.BinaryOptions
            {
                LabelColumnName = labelColumnName,
                Sentence1ColumnName = sentence1ColumnName,
                Sentence2ColumnName = sentence2ColumnName,
                ScoreColumnName = scoreColumnName,
                PredictedLabelColumnName = predictedLabelColumnName,
                ProbabilityColumnName = probabilityColumnName,
            }, backbone, prefixLength, learningRate, batchSize, maxEpochs, validationSet));

        /// <summary>Creates a trainer that predicts true or false for a text or a pair of texts.</summary>
        /// <param name="options">Columns, encoder, prefix and training; they are copied.</param>
        /// <exception cref="ArgumentException">
        /// An output column has the name of another column, a column has no name, or two options exclude each other.
        /// </exception>
        /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
        /// <inheritdoc cref="PTuningV2Trainer.BinaryOptions" path="/example"/>
        public static PTuningV2Trainer PTuningV2(
            this BinaryClassificationCatalog.BinaryClassificationTrainers catalog, PTuningV2Trainer.BinaryOptions options) =>
            Create(catalog, options);
    }
}

namespace Microsoft.ML.PTuning
{
    public sealed partial class PTuningV2Trainer
    {
        /// <summary>Options of a <see cref="PTuningV2Trainer"/> for true or false.</summary>
        /// <remarks>
        /// <see cref="SentenceOptions.LabelColumnName"/> is Boolean. <see cref="Options.ScoreColumnName"/> is the difference of the two logits, above 0 for
        /// true.
        /// </remarks>
        /// <example>
        /// <code>
        /// var trainer = mlContext.BinaryClassification.Trainers.PTuningV2(new PTuningV2Trainer.BinaryOptions
        /// {
        ///     LabelColumnName = "Urgent",
        ///     Sentence1ColumnName = "Text",
        ///     PrefixLayers = 3, // The top three layers: faster training, smaller files.
        /// });
        /// </code>
        /// </example>
        public sealed class BinaryOptions : SentenceOptions
        {
            /// <summary>The predicted class, Boolean.</summary>
            public string PredictedLabelColumnName { get; set; } = Default.PredictedLabel;

            /// <summary>The probability of true.</summary>
            public string ProbabilityColumnName { get; set; } = Default.Probability;

            /// <summary>
            /// The words that stand for the classes at the <c>{mask}</c> of the <see cref="SentenceOptions.Pattern"/>. The encoder must be a whole masked
            /// language model; its own head scores them, and no other head is trained. Null for a trained head.
            /// </summary>
            public Verbalizer? Verbalizer { get; set; }

            internal override PromptTask ToTask() => new BinaryClassification
            {
                LabelColumnName = LabelColumnName,
                Sentence1ColumnName = Sentence1ColumnName,
                Sentence2ColumnName = Sentence2ColumnName,
                ScoreColumnName = ScoreColumnName,
                PredictedLabelColumnName = PredictedLabelColumnName,
                ProbabilityColumnName = ProbabilityColumnName,
                Pooling = Pooling,
                Pattern = Pattern,
                Verbalizer = ClassWords.Of(Verbalizer),
                MaxLength = MaxLength,
            };

            internal override void Check()
            {
                base.Check();
                OptionRange.Named(PredictedLabelColumnName);
                OptionRange.Named(ProbabilityColumnName);
                CheckVerbalizer(Verbalizer);
            }
        }
    }
}
