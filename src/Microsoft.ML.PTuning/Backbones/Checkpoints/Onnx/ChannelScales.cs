namespace Microsoft.ML.PTuning.Backbones.Checkpoints.Onnx;

/// <summary>Scales and zero points of a quantised constant: one for all numbers, or one per channel.</summary>
/// <param name="scales">One, or one per channel.</param>
/// <param name="zeroPoints">One, or one per channel.</param>
/// <param name="run">How many numbers of a channel are next to each other in the file.</param>
internal sealed class ChannelScales(float[] scales, int[] zeroPoints, long run)
{
    /// <summary>Dequantises a part of the numbers.</summary>
    /// <param name="bytes">The part's numbers as they are in memory.</param>
    /// <param name="first">How many numbers of the constant come before the part.</param>
    public void Apply(ReadOnlySpan<byte> bytes, string type, long first, Span<float> numbers)
    {
        if (numbers.IsEmpty)
            return;

        var channel = (int)(first / run % scales.Length);
        var remaining = run - first % run;
        for (var i = 0; i < numbers.Length; i++)
        {
            numbers[i] = ((long)OnnxNumbers.Integer(bytes, type, i) - zeroPoints[zeroPoints.Length == 1 ? 0 : channel]) * scales[channel];
            if (--remaining > 0)
                continue;
            remaining = run;
            channel = channel + 1 == scales.Length ? 0 : channel + 1;
        }
    }
}
