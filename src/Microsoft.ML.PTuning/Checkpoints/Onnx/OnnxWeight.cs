namespace Microsoft.ML.PTuning.Checkpoints.Onnx;

/// <summary>How whole numbers are read: <c>(number - zero point) * scale</c>.</summary>
/// <param name="ZeroPoint">Null for 0.</param>
/// <param name="Axis">The axis of the stored tensor that has a scale for each index; null where one scale is for all.</param>
internal sealed record OnnxQuantization(OnnxConstant Scale, OnnxConstant? ZeroPoint, int? Axis);

/// <summary>A constant as a node of the graph takes it.</summary>
/// <param name="Constant">The numbers as the file stores them.</param>
/// <param name="Name">The parameter's name; null where the exporter made up a name.</param>
/// <param name="IsTransposed">Whether rows and columns are the other way round than in the file.</param>
/// <param name="Quantization">How the numbers are dequantised; null where they are not quantised.</param>
internal sealed record OnnxWeight(OnnxConstant Constant, string? Name = null, bool IsTransposed = false, OnnxQuantization? Quantization = null)
{
    /// <summary>Sizes, transposed where the weight is.</summary>
    public long[] Shape => IsTransposed ? [Constant.Shape[1], Constant.Shape[0]] : Constant.Shape;

    /// <summary>The type of the numbers once they are dequantised.</summary>
    public string Type => Quantization is null ? Constant.Type : "F32";

    public bool IsFloat => Quantization is not null || Constant.IsFloat;

    public OnnxWeight Transposed() => this with { IsTransposed = !IsTransposed };

    /// <summary>Whether both are the same numbers in the same order; names do not count.</summary>
    public bool Equals(OnnxWeight? other) =>
        other is not null && ReferenceEquals(Constant, other.Constant) && IsTransposed == other.IsTransposed && Quantization == other.Quantization;

    public override int GetHashCode() => HashCode.Combine(Constant.Name, IsTransposed);
}

/// <summary>A tensor under its Hugging Face name.</summary>
/// <param name="Name">The parameter's name. Where nothing in the graph tells it, the name that the graph has for the matrix.</param>
internal sealed record OnnxTensor(string Name, OnnxWeight Weight)
{
    /// <summary>The element type as safetensors spells it; F32 for quantised weights.</summary>
    public string Type => Weight.Type;

    /// <summary>Sizes, in Hugging Face's order: <c>[out, in]</c> of a linear layer.</summary>
    public long[] Shape => Weight.Shape;
}
