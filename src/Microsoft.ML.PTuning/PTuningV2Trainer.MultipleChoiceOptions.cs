namespace Microsoft.ML.PTuning;

public sealed partial class PTuningV2Trainer
{
    /// <summary>Options of a <see cref="PTuningV2Trainer"/> that chooses.</summary>
    /// <remarks>
    /// <see cref="Options.Sentence1ColumnName"/> is the premise; <see cref="Options.LabelColumnName"/> the number of the right choice, a key from 1.
    /// </remarks>
    public sealed class MultipleChoiceOptions : Options
    {
        /// <summary>The choices, a vector of text. Rows may have different numbers of them; ML.NET's <c>Evaluate</c> needs a vector of fixed size.</summary>
        public string ChoicesColumnName { get; set; } = "Choices";

        internal override void Check()
        {
            base.Check();
            ArgumentException.ThrowIfNullOrEmpty(ChoicesColumnName, nameof(ChoicesColumnName));
            RefuseSecondSentence("The choices stand beside the premise");
        }
    }
}
