using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML
{
    public static partial class PTuningCatalog
    {
        /// <summary>Any number of classes for a text, or for a pair of texts: tags, topics, reasons for a call.</summary>
        /// <param name="labelColumnName">The label: the names of a row's classes, a vector of text that may be empty; or a vector with a Boolean per class.</param>
        /// <param name="scoreColumnName">The probabilities, one per class, each by itself; the slots have the classes' names.</param>
        /// <param name="predictedLabelColumnName">The predicted classes, in the form of the label.</param>
        /// <inheritdoc cref="PTuningV2(MulticlassClassificationCatalog.MulticlassClassificationTrainers, string, string, string, string, string, string, int, double, int, int, IDataView)"/>
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

        /// <summary>Any number of classes for a text, or for a pair of texts.</summary>
        public static PTuningV2Trainer PTuningV2MultiLabel(
            this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, PTuningV2Trainer.MultiLabelOptions options)
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
        /// <summary>Options of a <see cref="PTuningV2Trainer"/> for any number of classes per row.</summary>
        /// <remarks>
        /// <see cref="SentenceOptions.LabelColumnName"/> is a vector of text, the names of a row's classes, which may be empty; the classes are those of
        /// the training rows. Or it is a vector with a Boolean per class, whose slot names, where it has some, name the classes.
        /// <see cref="Options.ScoreColumnName"/> is a probability per class, each by itself.
        /// </remarks>
        public sealed class MultiLabelOptions : SentenceOptions
        {
            /// <summary>The predicted classes, in the form of the label.</summary>
            public string PredictedLabelColumnName { get; set; } = Default.PredictedLabel;

            /// <summary>The least probability of a class that is predicted, above 0 and below 1.</summary>
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
