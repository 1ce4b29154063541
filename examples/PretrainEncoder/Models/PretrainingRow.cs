using Microsoft.ML.PTuning.Backbones;

namespace PretrainEncoder.Models;

/// <summary>What a model learns from a window.</summary>
/// <param name="Text">The tokens that it reads.</param>
/// <param name="Places">The tokens whose states tell a word.</param>
/// <param name="Words">The right words, one per place.</param>
internal sealed record PretrainingRow(EncodedRow Text, int[] Places, int[] Words);
