using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>The unit of encoding, batching and learning: a text, a window of a long text, or all choices of a question.</summary>
/// <param name="Sequences">The sequences that the encoder reads; at least one.</param>
/// <param name="Target">The label as the task's numbers; empty when scoring.</param>
internal sealed record ExamplePart(IReadOnlyList<EncodedRow> Sequences, float[] Target)
{
    /// <summary>Tokens of the longest sequence.</summary>
    public int Length { get; } = Sequences.Max(s => s.Length);

    /// <summary>Tokens of all sequences, padded to the longest.</summary>
    public int Tokens => Length * Sequences.Count;
}

/// <summary>A row of the data as encoder, loss and decoding take it. Tasks that need more fields derive from it.</summary>
/// <param name="Parts">Its parts: one, or the windows of a long text in order; none if there is nothing to choose from.</param>
/// <param name="IsTruncated">Whether text was dropped, because it was longer than the task's maximum.</param>
internal record Example(IReadOnlyList<ExamplePart> Parts, bool IsTruncated)
{
    /// <summary>Whether the label could not be found in the text; such a row cannot be learned from.</summary>
    public virtual bool IsMisaligned => false;

    /// <summary>An example of its own for each part to learn from.</summary>
    public virtual IEnumerable<Example> Split() => [this];
}

/// <summary>A row whose columns have been read but not encoded yet: encoding may happen on another thread.</summary>
internal delegate Example PendingExample(TextTokenizer tokenizer);
