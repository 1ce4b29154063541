namespace Microsoft.ML.PTuning.Checkpoints.Onnx;

/// <summary>Where the numbers of a constant are.</summary>
/// <param name="File">The name of a file in the model's folder; null for the model's own file.</param>
/// <param name="Offset">Where the bytes begin.</param>
/// <param name="Length">How many bytes there are; null where the file does not say and the type is not read.</param>
/// <param name="AreFields">Whether the bytes are a TensorProto whose fields hold the numbers. Else they are the numbers, little endian.</param>
internal sealed record OnnxBytes(string? File, long Offset, long? Length, bool AreFields = false);

/// <summary>Constant numbers of a graph: an initialiser, or the output of a Constant node.</summary>
/// <param name="Name">The value's name in the graph.</param>
/// <param name="Type">The element type as safetensors spells it.</param>
/// <param name="Shape">Sizes, empty for a scalar.</param>
internal sealed record OnnxConstant(string Name, string Type, long[] Shape, OnnxBytes Bytes)
{
    /// <summary>How many numbers there are.</summary>
    public long Count => Shape.Aggregate(1L, (count, size) => count * size);

    /// <summary>Bytes of a number; 0 for types that are not read.</summary>
    public int ElementSize => OnnxTypes.ElementSize(Type);

    public bool IsFloat => Type is "F32" or "F16" or "BF16" or "F64";

    /// <summary>Whether its type is one that numbers are quantised to.</summary>
    public bool IsQuantized => Type is "I8" or "U8" or "I16" or "U16" or "I32";

    public override string ToString() => $"'{Name}' ({Type} [{string.Join(", ", Shape)}])";
}

/// <summary>TensorProto.DataType, in the words of safetensors.</summary>
internal static class OnnxTypes
{
    private static readonly string[] Names =
    [
        "UNDEFINED", "F32", "U8", "I8", "U16", "I16", "I32", "I64", "STRING", "BOOL", "F16", "F64", "U32", "U64", "COMPLEX64", "COMPLEX128", "BF16",
        "F8_E4M3", "F8_E4M3FNUZ", "F8_E5M2", "F8_E5M2FNUZ", "U4", "I4", "F4_E2M1", "F8_E8M0",
    ];

    public static string NameOf(ulong number) =>
        number < (ulong)Names.Length ? Names[number] : throw new FormatException($"a tensor is of the type {number}, which this reader does not know");

    public static int ElementSize(string type) => type switch
    {
        "BOOL" or "U8" or "I8" => 1,
        "F16" or "BF16" or "I16" or "U16" => 2,
        "F32" or "I32" or "U32" => 4,
        "F64" or "I64" or "U64" => 8,
        _ => 0,
    };
}
