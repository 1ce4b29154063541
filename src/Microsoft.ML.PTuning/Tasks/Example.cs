using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>
/// The unit of encoding, batching and learning: a text, a window of a long text, or all choices of a question. Tasks that need more fields derive from
/// it.
/// </summary>
/// <param name="Sequences">The sequences that the encoder reads; at least one.</param>
/// <param name="Target">The label as the task's numbers; empty when scoring.</param>
internal record ExamplePart(IReadOnlyList<EncodedRow> Sequences, float[] Target)
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

    /// <summary>What the row is judged by besides the targets of its parts.</summary>
    public virtual IEnumerable<string> Labels => [];

    /// <summary>One example per part to learn from; each has a <see cref="SinglePart"/>.</summary>
    public virtual IEnumerable<Example> Split() => [this];

    /// <summary>The only part of an example that <see cref="Split"/> gave.</summary>
    /// <exception cref="InvalidOperationException">It has no part or several.</exception>
    public ExamplePart SinglePart() => Parts.Count == 1
        ? Parts[0]
        : throw new InvalidOperationException($"Expected an example with one part, found {Parts.Count} parts. Split it first.");
}

/// <summary>A row whose columns have been read but not encoded yet: encoding may happen on another thread.</summary>
internal delegate Example PendingExample(TextTokenizer tokenizer);
