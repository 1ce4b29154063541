using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML
{
    public static partial class PTuningCatalog
    {
        /// <summary>Creates a trainer that writes a text for a text, with a frozen language model: summaries, descriptions, replies.</summary>
        /// <param name="textColumnName">The text to go on from.</param>
        /// <param name="labelColumnName">The text that should be written; rows without one are skipped.</param>
        /// <param name="generatedTextColumnName">The text that is written.</param>
        /// <param name="backbone">
        /// A language model: a folder in Hugging Face layout, a hub id that is on this machine, or <c>hf://</c> and a hub id. No package has one, so <c>Fit</c>
        /// refuses null.
        /// </param>
        /// <param name="maxNewTokens">The largest number of tokens that are written.</param>
        /// <param name="prefixLength">Prefix vectors per layer.</param>
        /// <param name="learningRate">AdamW's learning rate; <see cref="LearningRates.Auto"/> to find it before training.</param>
        /// <param name="batchSize">Rows per training step.</param>
        /// <param name="maxEpochs">Passes over the training rows; 0 derives it from the number of rows (<see cref="TrainingOptions.MaxEpochs"/>).</param>
        /// <param name="validationSet">Rows that select the best epoch; with null the model has the last epoch's weights.</param>
        /// <exception cref="ArgumentException">An output column has the name of an input or of another output, or a column has no name.</exception>
        /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
        /// <example>
        /// <code>
        /// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2TextGeneration(textColumnName: "Facts", backbone: "encoders/gpt2");
        /// using var model = trainer.Fit(descriptions); // Facts, Label: text.
        /// var metrics = mlContext.MulticlassClassification.EvaluateText(model.Transform(newFacts));
        /// </code>
        /// </example>
        public static PTuningV2Trainer PTuningV2TextGeneration(
            this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
            string textColumnName = Default.Text,
            string labelColumnName = Default.Label,
            string generatedTextColumnName = Default.GeneratedText,
            string? backbone = null,
            int maxNewTokens = Default.MaxNewTokens,
            int prefixLength = Default.PrefixLength,
            double learningRate = Default.LearningRate,
            int batchSize = Default.BatchSize,
            int maxEpochs = Default.MaxEpochs,
            IDataView? validationSet = null) =>
            catalog.PTuningV2TextGeneration(Trained(new PTuningV2Trainer.TextGenerationOptions
            {
                TextColumnName = textColumnName,
                LabelColumnName = labelColumnName,
                GeneratedTextColumnName = generatedTextColumnName,
                Generation = new() { MaxNewTokens = maxNewTokens },
            }, backbone, prefixLength, learningRate, batchSize, maxEpochs, validationSet));

        /// <summary>Creates a trainer that writes a text for a text, with a frozen language model: summaries, descriptions, replies.</summary>
        /// <param name="options">Columns, language model, prefix, training and writing; they are copied.</param>
        /// <exception cref="ArgumentException">
        /// An output column has the name of another column, a column has no name, or two options exclude each other.
        /// </exception>
        /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
        /// <inheritdoc cref="PTuningV2Trainer.TextGenerationOptions" path="/example"/>
        public static PTuningV2Trainer PTuningV2TextGeneration(
            this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, PTuningV2Trainer.TextGenerationOptions options) =>
            Create(catalog, options);
    }
}

namespace Microsoft.ML.PTuning
{
    public sealed partial class PTuningV2Trainer
    {
        /// <summary>Options of a <see cref="PTuningV2Trainer"/> that writes a text for a text.</summary>
        /// <remarks>
        /// <see cref="Options.MaxLength"/> counts the tokens of the text that is read; <see cref="GenerationSettings.MaxNewTokens"/> those that are
        /// written, and those of a label that are learned. <see cref="Options.ScoreColumnName"/> is a vector of Single, a number per candidate: the sum of
        /// its tokens' natural log-probabilities, the end included, divided by their number to the power of <see cref="GenerationSettings.LengthPenalty"/>.
        /// Penalty and smallest length are in it; temperature, top k and top p are not.
        /// </remarks>
        /// <example>
        /// <code>
        /// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2TextGeneration(new PTuningV2Trainer.TextGenerationOptions
        /// {
        ///     TextColumnName = "Facts",
        ///     Backbone = "encoders/gpt2",
        ///     Generation = new() { MaxNewTokens = 40, Beams = 4 },
        /// });
        /// </code>
        /// </example>
        public sealed class TextGenerationOptions : Options
        {
            /// <summary>The text to go on from.</summary>
            public string TextColumnName { get; set; } = Default.Text;

            /// <summary>The text that should be written; rows without one are skipped.</summary>
            public string LabelColumnName { get; set; } = Default.Label;

            /// <summary>The text that is written, the best of the candidates; text.</summary>
            public string GeneratedTextColumnName { get; set; } = Default.GeneratedText;

            /// <summary>All texts that were written, best first, a vector of text; <see cref="GenerationSettings.Candidates"/> says how many.</summary>
            public string CandidatesColumnName { get; set; } = "Candidates";

            /// <summary>
            /// Whether what is written goes on behind the last token of the text, without a token between them; only for GPT-2. Null, the default, is
            /// false: GPT-2's end of text stands between them. Of an imported adapter it is true, as in
            /// Python's transformers. Begin the labels with a space if it is true.
            /// </summary>
            public bool? ContinuesText { get; set; }

            /// <summary>How texts are written.</summary>
            public GenerationSettings Generation { get; set; } = new();

            internal override PromptTask ToTask() => new TextGeneration
            {
                TextColumnName = TextColumnName,
                LabelColumnName = LabelColumnName,
                GeneratedTextColumnName = GeneratedTextColumnName,
                CandidatesColumnName = CandidatesColumnName,
                ScoreColumnName = ScoreColumnName,
                Generation = Generation,
                ContinuesText = ContinuesText,
                MaxLength = MaxLength,
            };

            internal override void Check()
            {
                base.Check();
                OptionRange.Named(TextColumnName);
                OptionRange.Named(LabelColumnName);
                OptionRange.Named(GeneratedTextColumnName);
                OptionRange.Named(CandidatesColumnName);
                ArgumentNullException.ThrowIfNull(Generation);
                Generation.Check();
            }
        }
    }
}
