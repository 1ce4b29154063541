using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML
{
    public static partial class PTuningCatalog
    {
        /// <summary>Creates a trainer that predicts one of several classes for a text or a pair of texts.</summary>
        /// <param name="labelColumnName">The label, a key (<c>MapValueToKey</c>).</param>
        /// <param name="sentence1ColumnName">
        /// The text, or the first text of a pair; what is beyond <see cref="PTuningV2Trainer.Options.MaxLength"/> tokens is cut off.
        /// </param>
        /// <param name="sentence2ColumnName">The second text of a pair; null for single texts.</param>
        /// <param name="scoreColumnName">The probabilities, one per class, in the order of the key.</param>
        /// <param name="predictedLabelColumnName">The predicted class, a key.</param>
        /// <param name="backbone">
        /// A folder in Hugging Face layout, a hub id that is on this machine, <c>hf://</c> and a hub id, which <c>Fit</c> downloads, or a bundled encoder's
        /// name; null for the default encoder.
        /// </param>
        /// <param name="prefixLength">Prefix vectors per layer; 0 trains the head alone.</param>
        /// <param name="learningRate">AdamW's learning rate; <see cref="LearningRates.Auto"/> to find it before training.</param>
        /// <param name="batchSize">Rows per training step.</param>
        /// <param name="maxEpochs">Passes over the training rows; 0 derives it from the number of rows (<see cref="TrainingOptions.MaxEpochs"/>).</param>
        /// <param name="validationSet">
        /// Rows that select the best epoch, labelled as the training rows are (keys by the same estimator); with null the model has the last epoch's weights.
        /// </param>
        /// <exception cref="ArgumentException">An output column has the name of the label, of a text or of another output; or a column has no name.</exception>
        /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
        /// <example>
        /// <code>
        /// var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
        ///     .Append(mlContext.MulticlassClassification.Trainers.PTuningV2(sentence1ColumnName: "Text"))
        ///     .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        /// var model = pipeline.Fit(tickets); // Label, Text: text.
        /// </code>
        /// </example>
        public static PTuningV2Trainer PTuningV2(
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
            catalog.PTuningV2(Trained(new PTuningV2Trainer.MulticlassOptions
            {
                LabelColumnName = labelColumnName,
                Sentence1ColumnName = sentence1ColumnName,
                Sentence2ColumnName = sentence2ColumnName,
                ScoreColumnName = scoreColumnName,
                PredictedLabelColumnName = predictedLabelColumnName,
            }, backbone, prefixLength, learningRate, batchSize, maxEpochs, validationSet));

        /// <summary>Creates a trainer that predicts one of several classes for a text or a pair of texts.</summary>
        /// <param name="options">Columns, encoder, prefix and training; they are copied.</param>
        /// <exception cref="ArgumentException">
        /// An output column has the name of another column, a column has no name, or two options exclude each other.
        /// </exception>
        /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
        /// <inheritdoc cref="PTuningV2Trainer.MulticlassOptions" path="/example"/>
        public static PTuningV2Trainer PTuningV2(
            this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, PTuningV2Trainer.MulticlassOptions options) =>
            Create(catalog, options);
    }
}

namespace Microsoft.ML.PTuning
{
    public sealed partial class PTuningV2Trainer
    {
        /// <summary>Options of a <see cref="PTuningV2Trainer"/> for one class of several.</summary>
        /// <remarks>
        /// <see cref="SentenceOptions.LabelColumnName"/> is a key; <see cref="Options.ScoreColumnName"/> is a probability per class, in the order of the key.
        /// </remarks>
        /// <example>
        /// <code>
        /// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
        /// {
        ///     Sentence1ColumnName = "Text",
        ///     ValidationSet = validation,
        ///     EarlyStoppingPatience = 3,
        /// });
        /// </code>
        /// </example>
        public sealed class MulticlassOptions : SentenceOptions
        {
            /// <summary>The predicted class, a key.</summary>
            public string PredictedLabelColumnName { get; set; } = Default.PredictedLabel;

            /// <summary>
            /// The words that stand for the classes at the <c>{mask}</c> of the <see cref="SentenceOptions.Pattern"/>. The encoder must be a whole masked
            /// language model; its own head scores them, and no other head is trained. Null for a trained head.
            /// </summary>
            public Verbalizer? Verbalizer { get; set; }

            internal override PromptTask ToTask() => new MulticlassClassification
            {
                LabelColumnName = LabelColumnName,
                Sentence1ColumnName = Sentence1ColumnName,
                Sentence2ColumnName = Sentence2ColumnName,
                ScoreColumnName = ScoreColumnName,
                PredictedLabelColumnName = PredictedLabelColumnName,
                Pooling = Pooling,
                Pattern = Pattern,
                Verbalizer = ClassWords.Of(Verbalizer),
                MaxLength = MaxLength,
            };

            internal override void Check()
            {
                base.Check();
                OptionRange.Named(PredictedLabelColumnName);
                CheckVerbalizer(Verbalizer);
            }
        }
    }
}
