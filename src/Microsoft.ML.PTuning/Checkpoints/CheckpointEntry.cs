using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>One tensor as its file describes it.</summary>
/// <param name="Type">The element type as safetensors spells it: F32, F16, BF16, I64.</param>
/// <param name="Shape">Sizes, empty for a scalar.</param>
internal record CheckpointEntry(string Name, string Type, long[] Shape)
{
    /// <summary>The type of a tensor with these numbers; null if there is none.</summary>
    public ScalarType? ElementType => Type switch
    {
        "F32" => ScalarType.Float32,
        "F16" => ScalarType.Float16,
        "BF16" => ScalarType.BFloat16,
        "F64" => ScalarType.Float64,
        "I64" => ScalarType.Int64,
        "I32" => ScalarType.Int32,
        "I16" => ScalarType.Int16,
        "I8" => ScalarType.Int8,
        "U8" => ScalarType.Byte,
        "BOOL" => ScalarType.Bool,
        _ => null,
    };

    /// <summary>Type and shape as messages show them: <c>F32 [768, 768]</c>.</summary>
    public sealed override string ToString() => $"{Type} {TensorDeclaration.Format(Shape)}";
}
