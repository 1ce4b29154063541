using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML
{
    public static partial class PTuningCatalog
    {
        /// <summary>Creates a trainer that answers questions with slices of a context of any length (SQuAD: Rajpurkar et al. 2016, 2018).</summary>
        /// <param name="contextColumnName">The text that contains the answers.</param>
        /// <param name="questionColumnName">The question, text.</param>
        /// <param name="trainingAnswerColumnName">The right answer, text; empty if there is none.</param>
        /// <param name="answerIndexColumnName">The character of the context at which the right answer starts, from 0, Int32; below 0 if there is none.</param>
        /// <param name="predictedAnswerColumnName">The best answers, best first, a vector of text; "" for no answer.</param>
        /// <param name="scoreColumnName">Their probabilities, a vector of Single.</param>
        /// <param name="topK">The largest number of answers per row.</param>
        /// <param name="backbone">
        /// A folder in Hugging Face layout, a hub id that is on this machine, <c>hf://</c> and a hub id, which <c>Fit</c> downloads, or a bundled encoder's
        /// name; null for the default encoder.
        /// </param>
        /// <param name="prefixLength">Prefix vectors per layer; 0 trains the head alone.</param>
        /// <param name="learningRate">AdamW's learning rate; <see cref="LearningRates.Auto"/> to find it before training.</param>
        /// <param name="batchSize">Windows per training step; a short context is one window.</param>
        /// <param name="maxEpochs">Passes over the training rows; 0 derives it from the number of rows (<see cref="TrainingOptions.MaxEpochs"/>).</param>
        /// <param name="validationSet">Rows that select the best epoch; with null the model has the last epoch's weights.</param>
        /// <exception cref="ArgumentException">An output column has the name of an input or of another output, or a column has no name.</exception>
        /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
        /// <example>
        /// <code>
        /// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(topK: 1);
        /// using var model = trainer.Fit(questions); // Context, Question, TrainingAnswer: text; AnswerIndex: Int32.
        /// var metrics = mlContext.MulticlassClassification.EvaluateQuestionAnswer(model.Transform(newQuestions));
        /// </code>
        /// </example>
        public static PTuningV2Trainer PTuningV2QuestionAnswer(
            this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
            string contextColumnName = Default.Context,
            string questionColumnName = Default.Question,
            string trainingAnswerColumnName = Default.TrainingAnswer,
            string answerIndexColumnName = Default.AnswerIndex,
            string predictedAnswerColumnName = Default.Answer,
            string scoreColumnName = Default.Score,
            int topK = Default.TopK,
            string? backbone = null,
            int prefixLength = Default.TokenPrefixLength,
            double learningRate = Default.TokenLearningRate,
            int batchSize = Default.BatchSize,
            int maxEpochs = Default.MaxEpochs,
            IDataView? validationSet = null) =>
            catalog.PTuningV2QuestionAnswer(Trained(new PTuningV2Trainer.QuestionAnswerOptions
            {
                ContextColumnName = contextColumnName,
                QuestionColumnName = questionColumnName,
                TrainingAnswerColumnName = trainingAnswerColumnName,
                AnswerIndexColumnName = answerIndexColumnName,
                PredictedAnswerColumnName = predictedAnswerColumnName,
                ScoreColumnName = scoreColumnName,
                TopK = topK,
                NBest = Math.Max(topK, Default.NBest),
            }, backbone, prefixLength, learningRate, batchSize, maxEpochs, validationSet));

        /// <summary>Creates a trainer that answers questions with slices of a context of any length (SQuAD: Rajpurkar et al. 2016, 2018).</summary>
        /// <param name="options">Columns, encoder, prefix and training; they are copied.</param>
        /// <exception cref="ArgumentException">
        /// An output column has the name of another column, a column has no name, or two options exclude each other.
        /// </exception>
        /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
        /// <inheritdoc cref="PTuningV2Trainer.QuestionAnswerOptions" path="/example"/>
        public static PTuningV2Trainer PTuningV2QuestionAnswer(
            this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, PTuningV2Trainer.QuestionAnswerOptions options) =>
            Create(catalog, options);
    }
}

namespace Microsoft.ML.PTuning
{
    public sealed partial class PTuningV2Trainer
    {
        /// <summary>Options of a <see cref="PTuningV2Trainer"/> that answers questions with slices of a context.</summary>
        /// <remarks>
        /// A context longer than <see cref="Options.MaxLength"/> is read to its end, in overlapping windows.
        /// <see cref="Options.ScoreColumnName"/> is a probability per answer; those of the <see cref="NBest"/> best answers sum to 1.
        /// The head has no dropout.
        /// </remarks>
        /// <example>
        /// <code>
        /// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(new PTuningV2Trainer.QuestionAnswerOptions
        /// {
        ///     ContextColumnName = "Article",
        ///     MaxAnswerLength = 15,
        ///     NoAnswerThreshold = -1, // Gives more empty answers than 0 does.
        /// });
        /// </code>
        /// </example>
        public sealed class QuestionAnswerOptions : Options
        {
            /// <summary>
            /// Options with a <see cref="Options.MaxLength"/> of 384, as is usual for SQuAD, a <see cref="TrainingOptions.PrefixLength"/> of 50 and a
            /// <see cref="TrainingOptions.LearningRate"/> of 2e-2.
            /// </summary>
            public QuestionAnswerOptions()
                : base(Default.TokenPrefixLength, Default.TokenLearningRate) => MaxLength = Default.AnswerMaxLength;

            /// <summary>The text that contains the answers.</summary>
            public string ContextColumnName { get; set; } = Default.Context;

            /// <summary>The question, text. It is truncated to 64 tokens, or to half of the row if that is less.</summary>
            public string QuestionColumnName { get; set; } = Default.Question;

            /// <summary>
            /// The right answer, text; empty if the context has none. If all training rows have one, the model always answers.
            /// </summary>
            public string TrainingAnswerColumnName { get; set; } = Default.TrainingAnswer;

            /// <summary>
            /// Where the right answer starts in the context, Int32, in characters (UTF-16) from 0; it is ignored if there is no answer. Rows whose answer is
            /// not found there, or fits into no window, are left out and counted.
            /// </summary>
            public string AnswerIndexColumnName { get; set; } = Default.AnswerIndex;

            /// <summary>The predicted answers, a vector of text, best first; "" for no answer. Each is a slice of the context.</summary>
            public string PredictedAnswerColumnName { get; set; } = Default.Answer;

            /// <summary>Where each predicted answer starts in the context, a vector of Int32; -1 for no answer.</summary>
            public string AnswerStartColumnName { get; set; } = "AnswerStart";

            /// <summary>
            /// The logit of no answer minus the logit of the best answer, Single; the largest Single if the context offers no answer.
            /// </summary>
            public string NoAnswerScoreColumnName { get; set; } = "NoAnswerScore";

            /// <summary>The largest number of predicted answers per row.</summary>
            public int TopK { get; set; } = Default.TopK;

            /// <summary>How many starts and ends are considered in a window, and answers in a row; 1000 at most.</summary>
            public int NBest { get; set; } = Default.NBest;

            /// <summary>The largest number of tokens in a predicted answer.</summary>
            public int MaxAnswerLength { get; set; } = 30;

            /// <summary>
            /// Tokens by which the windows of a long context overlap, as in Hugging Face's <c>doc_stride</c>: not the distance between their starts.
            /// </summary>
            public int DocumentStride { get; set; } = 128;

            /// <summary>
            /// The best answer of a row is "" if its no-answer score is above this. It changes the place of "" among the answers, not the probabilities.
            /// </summary>
            public double NoAnswerThreshold { get; set; }

            internal override PromptTask ToTask() => new QuestionAnswering
            {
                ContextColumnName = ContextColumnName,
                QuestionColumnName = QuestionColumnName,
                TrainingAnswerColumnName = TrainingAnswerColumnName,
                AnswerIndexColumnName = AnswerIndexColumnName,
                PredictedAnswerColumnName = PredictedAnswerColumnName,
                ScoreColumnName = ScoreColumnName,
                AnswerStartColumnName = AnswerStartColumnName,
                NoAnswerScoreColumnName = NoAnswerScoreColumnName,
                TopK = TopK,
                NBest = NBest,
                MaxAnswerLength = MaxAnswerLength,
                DocumentStride = DocumentStride,
                NoAnswerThreshold = NoAnswerThreshold,
                MaxLength = MaxLength,
                CountsPadding = Advanced.PadToMaxLength,
            };

            internal override void Check()
            {
                base.Check();
                OptionRange.Named(ContextColumnName);
                OptionRange.Named(QuestionColumnName);
                OptionRange.Named(TrainingAnswerColumnName);
                OptionRange.Named(AnswerIndexColumnName);
                OptionRange.Named(PredictedAnswerColumnName);
                OptionRange.Named(AnswerStartColumnName);
                OptionRange.Named(NoAnswerScoreColumnName);
                OptionRange.AtLeast(TopK, 1);
                OptionRange.AtLeast(MaxAnswerLength, 1);
                OptionRange.AtLeast(DocumentStride, 0);
                if (NBest < TopK || NBest > QuestionAnswering.LargestNBest)
                    throw new ArgumentOutOfRangeException(
                        nameof(NBest), NBest,
                        $"NBest must be at least TopK, {TopK}, and at most {QuestionAnswering.LargestNBest}: the answers are chosen among the n best.");
                if (double.IsNaN(NoAnswerThreshold))
                    throw new ArgumentOutOfRangeException(
                        nameof(NoAnswerThreshold), NoAnswerThreshold, "NoAnswerThreshold must be a number; 0 is usual.");
            }
        }
    }
}
