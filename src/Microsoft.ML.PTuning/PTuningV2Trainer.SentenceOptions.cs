using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning;

public sealed partial class PTuningV2Trainer
{
    /// <summary>What the options of tasks share that have one answer for a text, or for a pair of texts.</summary>
    public abstract class SentenceOptions : Options
    {
        private protected SentenceOptions(double learningRate = Default.LearningRate)
            : base(learningRate: learningRate)
        {
        }

        /// <summary>The label: a key for classes, Boolean for true or false, Single for numbers, a vector for any number of classes.</summary>
        public string LabelColumnName { get; set; } = Default.Label;

        /// <summary>The text, or the first text of a pair.</summary>
        public string Sentence1ColumnName { get; set; } = Default.Sentence1;

        /// <summary>The second text of a pair; null for single texts.</summary>
        public string? Sentence2ColumnName { get; set; }

        /// <summary>How a text becomes the one vector that the head reads.</summary>
        public Pooling Pooling { get; set; }

        /// <summary>
        /// Words around the text, for a task that is asked as a gap to fill (a cloze): <c>"{text} It was {mask}."</c>. Null for the text, or the pair,
        /// alone.
        /// </summary>
        /// <remarks>
        /// <c>{text}</c> and <c>{text2}</c> stand for the texts, <c>{mask}</c> for the gap, <c>{separator}</c> for the end of the first segment, and
        /// <c>{prompt:3}</c> for three trained tokens of a method such as <see cref="PromptTuning"/>. Two braces are a brace of the text. Every text and
        /// every stretch of words is tokenised by itself, as if a space stood before it. If a row is too long, only its texts are shortened, the longer
        /// one first.
        /// </remarks>
        public string? Pattern { get; set; }

        internal override void Check()
        {
            base.Check();
            OptionRange.Named(LabelColumnName);
            OptionRange.Named(Sentence1ColumnName);
            OptionRange.NamedOrNull(Sentence2ColumnName);
            OptionRange.Defined(Pooling);
            if (Pattern is not null)
                ClozePattern.Parse(Pattern).CheckTexts(Sentence2ColumnName);
        }

        private protected void CheckVerbalizer(Verbalizer? verbalizer)
        {
            var hasWords = ClassWords.Of(verbalizer) is not null;
            if (Pooling != Pooling.Automatic && (hasWords || Method is { WordsPerClass: > 0 }))
                throw new ArgumentException(
                    $"Pooling is {Pooling}, but with a Verbalizer no text becomes one vector: the mask's state is read. Leave Pooling out.", nameof(Pooling));
            if (!hasWords)
                return;
            if (Pattern is null)
                throw new ArgumentException(
                    "A Verbalizer needs a Pattern with {mask}, where its words are scored, such as \"{text} It was {mask}.\".", nameof(Pattern));
            ClozePattern.Parse(Pattern).RequireMask();
        }
    }
}
