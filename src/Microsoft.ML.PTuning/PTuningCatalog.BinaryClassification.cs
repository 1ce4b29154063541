using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML
{
    public static partial class PTuningCatalog
    {
        /// <summary>True or false for a text, or for a pair of texts.</summary>
        /// <param name="labelColumnName">The label, Boolean.</param>
        /// <param name="scoreColumnName">The difference of the two logits; more than 0 is true.</param>
        /// <param name="predictedLabelColumnName">The predicted class, Boolean.</param>
        /// <param name="probabilityColumnName">The probability of true.</param>
        /// <inheritdoc cref="PTuningV2(MulticlassClassificationCatalog.MulticlassClassificationTrainers, string, string, string, string, string, string, int, double, int, int, IDataView)"/>
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

        /// <summary>True or false for a text, or for a pair of texts.</summary>
        public static PTuningV2Trainer PTuningV2(
            this BinaryClassificationCatalog.BinaryClassificationTrainers catalog, PTuningV2Trainer.BinaryOptions options)
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
        /// <summary>Options of a <see cref="PTuningV2Trainer"/> for true or false.</summary>
        /// <remarks>
        /// <see cref="SentenceOptions.LabelColumnName"/> is Boolean; <see cref="Options.ScoreColumnName"/> the difference of the two logits, more than 0
        /// for true.
        /// </remarks>
        public sealed class BinaryOptions : SentenceOptions
        {
            /// <summary>The predicted class, Boolean.</summary>
            public string PredictedLabelColumnName { get; set; } = Default.PredictedLabel;

            /// <summary>The probability of true.</summary>
            public string ProbabilityColumnName { get; set; } = Default.Probability;

            internal override PromptTask ToTask() => new BinaryClassification
            {
                LabelColumnName = LabelColumnName,
                Sentence1ColumnName = Sentence1ColumnName,
                Sentence2ColumnName = Sentence2ColumnName,
                ScoreColumnName = ScoreColumnName,
                PredictedLabelColumnName = PredictedLabelColumnName,
                ProbabilityColumnName = ProbabilityColumnName,
                Pooling = Pooling,
                MaxLength = MaxLength,
            };

            internal override void Check()
            {
                base.Check();
                OptionRange.Named(PredictedLabelColumnName);
                OptionRange.Named(ProbabilityColumnName);
            }
        }
    }
}
