namespace Microsoft.ML.PTuning;

public sealed partial class PTuningV2Trainer
{
    /// <summary>What the options of tasks share that have one answer for a text, or for a pair of texts.</summary>
    public abstract class SentenceOptions : Options
    {
        private protected SentenceOptions()
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

        internal override void Check()
        {
            base.Check();
            OptionRange.Named(LabelColumnName);
            OptionRange.Named(Sentence1ColumnName);
            OptionRange.NamedOrNull(Sentence2ColumnName);
            OptionRange.Defined(Pooling);
        }
    }
}
