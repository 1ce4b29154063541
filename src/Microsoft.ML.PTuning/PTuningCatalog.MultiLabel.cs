using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML
{
    public static partial class PTuningCatalog
    {
        /// <summary>Creates a trainer that predicts any number of classes for a text or a pair of texts, such as its topics.</summary>
        /// <param name="labelColumnName">The names of a row's classes, a vector of text that may be empty; or a vector with a Boolean per class.</param>
        /// <param name="scoreColumnName">An independent probability per class; the slots have the classes' names.</param>
        /// <param name="predictedLabelColumnName">The predicted classes, in the form of the label.</param>
        /// <inheritdoc cref="PTuningV2(MulticlassClassificationCatalog.MulticlassClassificationTrainers, string, string, string, string, string, string, int, double, int, int, IDataView)"/>
        /// <example>
        /// <code>
        /// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2MultiLabel(labelColumnName: "Topics", sentence1ColumnName: "Text");
        /// using var model = trainer.Fit(mails); // Topics: a vector of text, such as "Billing", "Delivery"; Text: text.
        /// var metrics = mlContext.MulticlassClassification.EvaluateMultiLabel(model.Transform(newMails), labelColumnName: "Topics");
        /// </code>
        /// </example>
        public static PTuningV2Trainer PTuningV2MultiLabel(
            this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
            string labelColumnName = Default.Label,
            string sentence1ColumnName = Default.Sentence1,
            string? sentence2ColumnName = null,
            string scoreColumnName = Default.Score,
            string predictedLabelColumnName = Default.PredictedLabel,
            string? backbone = null,
            int prefixLength = Default.PrefixLength,
            double learningRate = Default.LearningRate,
            int batchSize = Default.BatchSize,
            int maxEpochs = Default.MaxEpochs,
            IDataView? validationSet = null) =>
            catalog.PTuningV2MultiLabel(Trained(new PTuningV2Trainer.MultiLabelOptions
            {
                LabelColumnName = labelColumnName,
                Sentence1ColumnName = sentence1ColumnName,
                Sentence2ColumnName = sentence2ColumnName,
                ScoreColumnName = scoreColumnName,
                PredictedLabelColumnName = predictedLabelColumnName,
            }, backbone, prefixLength, learningRate, batchSize, maxEpochs, validationSet));

        /// <summary>Creates a trainer that predicts any number of classes for a text or a pair of texts.</summary>
        /// <param name="options">Columns, encoder, prefix and training; they are copied.</param>
        /// <exception cref="ArgumentException">
        /// An output column has the name of another column, a column has no name, or two options exclude each other.
        /// </exception>
        /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
        /// <inheritdoc cref="PTuningV2Trainer.MultiLabelOptions" path="/example"/>
        public static PTuningV2Trainer PTuningV2MultiLabel(
            this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, PTuningV2Trainer.MultiLabelOptions options) =>
            Create(catalog, options);
    }
}

namespace Microsoft.ML.PTuning
{
    public sealed partial class PTuningV2Trainer
    {
        /// <summary>Options of a <see cref="PTuningV2Trainer"/> for any number of classes per row.</summary>
        /// <remarks>
        /// <see cref="SentenceOptions.LabelColumnName"/> is a vector of text, the names of a row's classes, which may be empty; the classes are those of
        /// the training rows. Or it is a vector with a Boolean per class, whose slot names, where it has some, name the classes.
        /// <see cref="Options.ScoreColumnName"/> is an independent probability per class.
        /// </remarks>
        /// <example>
        /// <code>
        /// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2MultiLabel(new PTuningV2Trainer.MultiLabelOptions
        /// {
        ///     LabelColumnName = "Topics",
        ///     Sentence1ColumnName = "Text",
        ///     Threshold = 0.4, // Finds more topics than 0.5 does, and errs more often.
        /// });
        /// </code>
        /// </example>
        public sealed class MultiLabelOptions : SentenceOptions
        {
            /// <summary>The predicted classes, in the form of the label.</summary>
            public string PredictedLabelColumnName { get; set; } = Default.PredictedLabel;

            /// <summary>Classes with at least this probability are predicted; above 0 and below 1.</summary>
            public double Threshold { get; set; } = 0.5;

            internal override PromptTask ToTask() => new MultiLabelClassification
            {
                LabelColumnName = LabelColumnName,
                Sentence1ColumnName = Sentence1ColumnName,
                Sentence2ColumnName = Sentence2ColumnName,
                ScoreColumnName = ScoreColumnName,
                PredictedLabelColumnName = PredictedLabelColumnName,
                Threshold = Threshold,
                Pooling = Pooling,
                Pattern = Pattern,
                MaxLength = MaxLength,
            };

            internal override void Check()
            {
                base.Check();
                OptionRange.Named(PredictedLabelColumnName);
                if (!(Threshold is > 0 and < 1))
                    throw new ArgumentOutOfRangeException(nameof(Threshold), Threshold, "The threshold must be above 0 and below 1; 0.5 is usual.");
            }
        }
    }
}
