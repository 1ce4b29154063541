namespace Microsoft.ML.PTuning.Tasks;

/// <summary>Where a token of an encoded row comes from.</summary>
/// <param name="Index">Its place among the row's tokens.</param>
/// <param name="Text">0 in the first text of a pair, 1 in the second.</param>
/// <param name="Start">Where its characters begin in that text.</param>
/// <param name="Length">How many characters; 0 for special tokens.</param>
internal readonly record struct TextToken(int Index, int Text, int Start, int Length);
