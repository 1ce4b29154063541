using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML
{
    public static partial class PTuningCatalog
    {
        /// <summary>Creates a trainer that predicts a number for a text or a pair of texts, such as their similarity.</summary>
        /// <param name="labelColumnName">The label, Single, of any scale.</param>
        /// <param name="scoreColumnName">The predicted number, Single.</param>
        /// <inheritdoc cref="PTuningV2(MulticlassClassificationCatalog.MulticlassClassificationTrainers, string, string, string, string, string, string, int, double, int, int, IDataView)"/>
        /// <example>
        /// <code>
        /// var trainer = mlContext.Regression.Trainers.PTuningV2(sentence1ColumnName: "First", sentence2ColumnName: "Second");
        /// using var model = trainer.Fit(pairs); // First, Second: text; Label: Single.
        /// var metrics = mlContext.Regression.EvaluateSimilarity(model.Transform(newPairs));
        /// </code>
        /// </example>
        public static PTuningV2Trainer PTuningV2(
            this RegressionCatalog.RegressionTrainers catalog,
            string labelColumnName = Default.Label,
            string sentence1ColumnName = Default.Sentence1,
            string? sentence2ColumnName = null,
            string scoreColumnName = Default.Score,
            string? backbone = null,
            int prefixLength = Default.PrefixLength,
            double learningRate = Default.NumberLearningRate,
            int batchSize = Default.BatchSize,
            int maxEpochs = Default.MaxEpochs,
            IDataView? validationSet = null) =>
            catalog.PTuningV2(Trained(new PTuningV2Trainer.RegressionOptions
            {
                LabelColumnName = labelColumnName,
                Sentence1ColumnName = sentence1ColumnName,
                Sentence2ColumnName = sentence2ColumnName,
                ScoreColumnName = scoreColumnName,
            }, backbone, prefixLength, learningRate, batchSize, maxEpochs, validationSet));

        /// <summary>Creates a trainer that predicts a number for a text or a pair of texts, such as their similarity.</summary>
        /// <param name="options">Columns, encoder, prefix and training; they are copied.</param>
        /// <exception cref="ArgumentException">
        /// An output column has the name of another column, a column has no name, or two options exclude each other.
        /// </exception>
        /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
        /// <inheritdoc cref="PTuningV2Trainer.RegressionOptions" path="/example"/>
        public static PTuningV2Trainer PTuningV2(
            this RegressionCatalog.RegressionTrainers catalog, PTuningV2Trainer.RegressionOptions options) =>
            Create(catalog, options);
    }
}

namespace Microsoft.ML.PTuning
{
    public sealed partial class PTuningV2Trainer
    {
        /// <summary>Options of a <see cref="PTuningV2Trainer"/> for numbers.</summary>
        /// <remarks>
        /// <see cref="SentenceOptions.LabelColumnName"/> is Single, of any scale. <see cref="Options.ScoreColumnName"/> is the predicted number.
        /// </remarks>
        /// <example>
        /// <code>
        /// var trainer = mlContext.Regression.Trainers.PTuningV2(new PTuningV2Trainer.RegressionOptions
        /// {
        ///     Sentence1ColumnName = "First",
        ///     Sentence2ColumnName = "Second",
        ///     Seed = 1,
        /// });
        /// </code>
        /// </example>
        public sealed class RegressionOptions : SentenceOptions
        {
            /// <summary>Options with a <see cref="TrainingOptions.LearningRate"/> of 2e-2, twice that of classes.</summary>
            public RegressionOptions()
                : base(Default.NumberLearningRate)
            {
            }

            internal override PromptTask ToTask() => new TextRegression
            {
                LabelColumnName = LabelColumnName,
                Sentence1ColumnName = Sentence1ColumnName,
                Sentence2ColumnName = Sentence2ColumnName,
                ScoreColumnName = ScoreColumnName,
                Pooling = Pooling,
                Pattern = Pattern,
                MaxLength = MaxLength,
            };
        }
    }
}
