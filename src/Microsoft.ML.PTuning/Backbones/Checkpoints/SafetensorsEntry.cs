namespace Microsoft.ML.PTuning.Backbones.Checkpoints;

/// <summary>One tensor as a safetensors header describes it.</summary>
/// <param name="Type">The element type as the format spells it: F32, F16, BF16, I64.</param>
/// <param name="Shape">Sizes, empty for a scalar.</param>
/// <param name="Offset">Where its bytes begin, counted from the beginning of the file.</param>
/// <param name="ByteLength">How many bytes it takes.</param>
internal sealed record SafetensorsEntry(string Name, string Type, long[] Shape, long Offset, long ByteLength)
{
    /// <summary>Type and shape as messages show them: <c>F32 [768, 768]</c>.</summary>
    public override string ToString() => $"{Type} {TensorDeclaration.Format(Shape)}";
}
