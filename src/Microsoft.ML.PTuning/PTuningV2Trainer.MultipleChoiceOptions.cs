namespace Microsoft.ML.PTuning;

public sealed partial class PTuningV2Trainer
{
    /// <summary>Options of a <see cref="PTuningV2Trainer"/> that chooses.</summary>
    /// <remarks>
    /// <see cref="Options.Sentence1ColumnName"/> is the premise; <see cref="Options.LabelColumnName"/> the index of the right choice, from 0:
    /// an Int32, or, as ML.NET's <c>Evaluate</c> needs it, a key. ML.NET numbers a UInt32 property with the attribute <c>[KeyType(count)]</c> from 0
    /// where it reads it, and from 1 where it writes it. <c>MapValueToKey</c> would number the choices as they appear; it has no use here.
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
