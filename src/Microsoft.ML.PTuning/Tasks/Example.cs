using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A row as the encoder and the loss take it.</summary>
/// <param name="Row">Its tokens.</param>
/// <param name="Target">What is to be learned, in the task's own numbers; empty when scoring.</param>
/// <param name="IsTruncated">Whether the text was longer than the task's maximum.</param>
internal sealed record Example(EncodedRow Row, float[] Target, bool IsTruncated);

/// <summary>A row whose columns have been read but not encoded yet: encoding may happen on another thread.</summary>
internal delegate Example PendingExample(TextTokenizer tokenizer);
