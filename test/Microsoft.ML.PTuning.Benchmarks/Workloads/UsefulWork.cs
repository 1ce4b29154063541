using Microsoft.ML.PTuning.Backbones;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>Floating-point operations that an encoder cannot do without: its products of matrices.</summary>
internal static class UsefulWork
{
    /// <summary>
    /// Of a sentence's forward: linear layers over the text's tokens, attention from tokens to prefix and tokens; in the last layer, of which the
    /// first token alone is read, keys and values of all tokens, and the rest for that one.
    /// </summary>
    /// <param name="rows">B.</param>
    /// <param name="length">T.</param>
    /// <param name="prefixLength">P.</param>
    public static double OfForward(BackboneConfiguration encoder, int rows, int length, int prefixLength)
    {
        var hidden = (double)encoder.HiddenSize;
        var keysAndValues = 2 * hidden * hidden;
        var others = (2 * hidden * hidden) + (2 * hidden * encoder.FeedForwardSize);
        var attention = 2 * (prefixLength + length) * hidden;                // Scores, and the sum that they weigh.
        return (encoder.Layers - 1) * OfLayer(asking: length) + OfLayer(asking: 1);

        double OfLayer(double asking) => 2 * rows * ((length * keysAndValues) + (asking * (others + attention)));
    }
}
