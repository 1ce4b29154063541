using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Microsoft.ML.PTuning.Checkpoints.Onnx;

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
        switch (type)
        {
            case "I8": Apply(MemoryMarshal.Cast<byte, sbyte>(bytes), first, numbers); break;
            case "U8": Apply(bytes, first, numbers); break;
            case "I16": Apply(MemoryMarshal.Cast<byte, short>(bytes), first, numbers); break;
            case "U16": Apply(MemoryMarshal.Cast<byte, ushort>(bytes), first, numbers); break;
            case "I32": Apply(MemoryMarshal.Cast<byte, int>(bytes), first, numbers); break;
            default: throw new UnreachableException(type);
        }
    }

    private void Apply<T>(ReadOnlySpan<T> stored, long first, Span<float> numbers)
        where T : IBinaryInteger<T>
    {
        if (numbers.IsEmpty)
            return;

        var channel = (int)(first / run % scales.Length);
        var remaining = run - first % run;
        for (var i = 0; i < numbers.Length; i++)
        {
            numbers[i] = (long.CreateTruncating(stored[i]) - zeroPoints[zeroPoints.Length == 1 ? 0 : channel]) * scales[channel];
            if (--remaining > 0)
                continue;
            remaining = run;
            channel = channel + 1 == scales.Length ? 0 : channel + 1;
        }
    }
}
