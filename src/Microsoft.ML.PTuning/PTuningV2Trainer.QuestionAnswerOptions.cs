using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning;

public sealed partial class PTuningV2Trainer
{
    /// <summary>Options of a <see cref="PTuningV2Trainer"/> that cuts the answers to questions from a context.</summary>
    /// <remarks>
    /// A context that is longer than <see cref="Options.MaxLength"/> is read in overlapping windows, to its end: nothing of it is dropped.
    /// Of the column names of <see cref="Options"/> it uses <see cref="Options.ScoreColumnName"/> alone: as many probabilities as answers,
    /// those of the <see cref="NBest"/> best together 1. The head has no dropout.
    /// </remarks>
    public sealed class QuestionAnswerOptions : Options
    {
        /// <summary>
        /// Options with a <see cref="Options.MaxLength"/> of 384, as is usual for SQuAD, a <see cref="TrainingOptions.PrefixLength"/> of 50 and a
        /// <see cref="TrainingOptions.LearningRate"/> of 2e-2.
        /// </summary>
        public QuestionAnswerOptions() => (MaxLength, PrefixLength, LearningRate) = (384, 50, 2e-2);

        /// <summary>The text that answers are cut from.</summary>
        public string ContextColumnName { get; set; } = "Context";

        /// <summary>The question, text. Of a long one the first 64 tokens are read, or as many as half of the row has room for.</summary>
        public string QuestionColumnName { get; set; } = "Question";

        /// <summary>
        /// The right answer, text; empty where the context has none. Where all training rows have one, the model always answers.
        /// </summary>
        public string TrainingAnswerColumnName { get; set; } = "TrainingAnswer";

        /// <summary>
        /// Where the right answer starts in the context, Int32, counted in characters (UTF-16) from 0; it means nothing where there is no answer.
        /// Rows whose answer does not stand there letter by letter, or fits into no window, are left out and counted.
        /// </summary>
        public string AnswerIndexColumnName { get; set; } = "AnswerIndex";

        /// <summary>The predicted answers, a vector of text, best first; "" for no answer. Each is a slice of the context.</summary>
        public string PredictedAnswerColumnName { get; set; } = "Answer";

        /// <summary>Where each predicted answer starts in the context, a vector of Int32; -1 for no answer.</summary>
        public string AnswerStartColumnName { get; set; } = "AnswerStart";

        /// <summary>
        /// How much higher no answer scores than the best answer, Single: the difference of their logits; the largest Single where there is
        /// nothing to answer with.
        /// </summary>
        public string NoAnswerScoreColumnName { get; set; } = "NoAnswerScore";

        /// <summary>Most predicted answers of a row.</summary>
        public int TopK { get; set; } = 3;

        /// <summary>How many starts and ends are considered in a window, and answers in a row; 1000 at most.</summary>
        public int NBest { get; set; } = 20;

        /// <summary>Most tokens of a predicted answer.</summary>
        public int MaxAnswerLength { get; set; } = 30;

        /// <summary>
        /// Tokens by which the windows of a long context overlap, as in Hugging Face's <c>doc_stride</c>: not the distance between their starts.
        /// </summary>
        public int DocumentStride { get; set; } = 128;

        /// <summary>
        /// A row is answered "" where its no-answer score is more than this. It moves "" among the answers; the probabilities stay as they are.
        /// </summary>
        public double NoAnswerThreshold { get; set; }

        internal override void Check()
        {
            base.Check();
            RefusePooling();
            RefuseSecondSentence("A question is asked of one context");
            ArgumentException.ThrowIfNullOrEmpty(ContextColumnName, nameof(ContextColumnName));
            ArgumentException.ThrowIfNullOrEmpty(QuestionColumnName, nameof(QuestionColumnName));
            ArgumentException.ThrowIfNullOrEmpty(TrainingAnswerColumnName, nameof(TrainingAnswerColumnName));
            ArgumentException.ThrowIfNullOrEmpty(AnswerIndexColumnName, nameof(AnswerIndexColumnName));
            ArgumentException.ThrowIfNullOrEmpty(PredictedAnswerColumnName, nameof(PredictedAnswerColumnName));
            ArgumentException.ThrowIfNullOrEmpty(AnswerStartColumnName, nameof(AnswerStartColumnName));
            ArgumentException.ThrowIfNullOrEmpty(NoAnswerScoreColumnName, nameof(NoAnswerScoreColumnName));
            AtLeast(TopK, 1, nameof(TopK));
            AtLeast(MaxAnswerLength, 1, nameof(MaxAnswerLength));
            AtLeast(DocumentStride, 0, nameof(DocumentStride));
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
