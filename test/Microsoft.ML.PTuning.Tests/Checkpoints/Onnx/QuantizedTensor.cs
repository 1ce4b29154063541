namespace Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;

/// <summary>A tensor as whole numbers, with the scales and zero points that they are to be read with.</summary>
internal sealed record QuantizedTensor(DraftTensor Original, DraftTensor Quantized, DraftTensor Scale, DraftTensor ZeroPoint)
{
    /// <summary>As a DequantizeLinear node takes them.</summary>
    public string[] Names => [Quantized.Name, Scale.Name, ZeroPoint.Name];

    /// <param name="axis">Of a matrix, the axis with a scale for each index; null for one scale.</param>
    public static QuantizedTensor Of(DraftTensor tensor, int? axis, bool isSigned)
    {
        var numbers = tensor.Floats;
        var columns = tensor.Shape[1];
        int Channel(int i) => (int)(axis switch { 0 => i / columns, 1 => i % columns, _ => 0 });

        var channels = axis is { } along ? tensor.Shape[along] : 1;
        var ranges = numbers.Select((number, i) => (number, channel: Channel(i))).GroupBy(pair => pair.channel).OrderBy(group => group.Key)
            .Select(group => (Low: MathF.Min(0, group.Min(pair => pair.number)), High: MathF.Max(0, group.Max(pair => pair.number)))).ToArray();
        var scales = ranges.Select(range => isSigned ? MathF.Max(-range.Low, range.High) / 127 : (range.High - range.Low) / 255).ToArray();
        var zeroPoints = ranges.Select((range, i) => isSigned ? 0 : (int)MathF.Round(-range.Low / scales[i])).ToArray();
        var whole = numbers.Select((number, i) =>
            Math.Clamp((int)MathF.Round(number / scales[Channel(i)]) + zeroPoints[Channel(i)], isSigned ? -127 : 0, isSigned ? 127 : 255)).ToArray();

        long[] shape = axis is null ? [] : [channels];
        return new(
            tensor,
            Integers($"{tensor.Name}_quantized", whole, isSigned, tensor.Shape),
            DraftTensor.Of($"{tensor.Name}_scale", scales, shape),
            Integers($"{tensor.Name}_zero_point", zeroPoints, isSigned, shape));
    }

    public static QuantizedTensor OfBias(DraftTensor tensor)
    {
        var scale = MathF.Max(tensor.Floats.Max(MathF.Abs), 1e-6f) / (1 << 20);
        return new(
            tensor,
            DraftTensor.Of($"{tensor.Name}_quantized", [.. tensor.Floats.Select(number => (int)MathF.Round(number / scale))], tensor.Shape),
            DraftTensor.Of($"{tensor.Name}_quantized_scale", [scale]),
            DraftTensor.Of($"{tensor.Name}_quantized_zero_point", [0]));
    }

    /// <summary>Puts these tensors where the original is.</summary>
    public void Replace(OnnxDraft draft)
    {
        var at = draft.Tensors.IndexOf(Original);
        draft.Tensors.RemoveAt(at);
        draft.Tensors.InsertRange(at, [Quantized, Scale, ZeroPoint]);
    }

    private static DraftTensor Integers(string name, int[] numbers, bool isSigned, long[] shape) => isSigned
        ? DraftTensor.Of(name, [.. numbers.Select(number => (sbyte)number)], shape)
        : DraftTensor.Of(name, [.. numbers.Select(number => (byte)number)], shape);
}
