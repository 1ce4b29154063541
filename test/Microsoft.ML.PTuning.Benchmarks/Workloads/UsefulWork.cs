using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>Floating-point operations that an encoder cannot do without: its products of matrices.</summary>
internal static class UsefulWork
{
    /// <summary>Of a forward: linear layers over the text's tokens, attention from tokens to prefix and tokens.</summary>
    /// <param name="rows">B.</param>
    /// <param name="length">T.</param>
    /// <param name="prefixLength">P.</param>
    public static double OfForward(BackboneConfiguration encoder, int rows, int length, int prefixLength)
    {
        var hidden = (double)encoder.HiddenSize;
        var weights = (4 * hidden * hidden) + (2 * hidden * encoder.FeedForwardSize);
        var tokens = (double)rows * length;
        var linear = 2 * tokens * weights;
        var attention = 2 * (2 * tokens * (prefixLength + length) * hidden); // Scores, and the sum that they weigh.
        return encoder.Layers * (linear + attention);
    }
}
