using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML
{
    public static partial class PTuningCatalog
    {
        /// <summary>A number for a text, or for a pair of texts (such as their similarity).</summary>
        /// <param name="labelColumnName">The label, Single, of any scale.</param>
        /// <param name="scoreColumnName">The predicted number.</param>
        /// <inheritdoc cref="PTuningV2(MulticlassClassificationCatalog.MulticlassClassificationTrainers, string, string, string, string, string, string, int, double, int, int, IDataView)"/>
        public static PTuningV2Trainer PTuningV2(
            this RegressionCatalog.RegressionTrainers catalog,
            string labelColumnName = Default.Label,
            string sentence1ColumnName = Default.Sentence1,
            string? sentence2ColumnName = null,
            string scoreColumnName = Default.Score,
            string? backbone = null,
            int prefixLength = Default.PrefixLength,
            double learningRate = Default.LearningRate,
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

        /// <summary>A number for a text, or for a pair of texts (such as their similarity).</summary>
        public static PTuningV2Trainer PTuningV2(
            this RegressionCatalog.RegressionTrainers catalog, PTuningV2Trainer.RegressionOptions options)
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
        /// <summary>Options of a <see cref="PTuningV2Trainer"/> for numbers.</summary>
        /// <remarks>
        /// <see cref="SentenceOptions.LabelColumnName"/> is Single, of any scale; <see cref="Options.ScoreColumnName"/> the predicted number.
        /// </remarks>
        public sealed class RegressionOptions : SentenceOptions
        {
            internal override PromptTask ToTask() => new TextRegression
            {
                LabelColumnName = LabelColumnName,
                Sentence1ColumnName = Sentence1ColumnName,
                Sentence2ColumnName = Sentence2ColumnName,
                ScoreColumnName = ScoreColumnName,
                Pooling = Pooling,
                MaxLength = MaxLength,
            };
        }
    }
}
