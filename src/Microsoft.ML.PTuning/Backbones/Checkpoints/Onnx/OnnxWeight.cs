namespace Microsoft.ML.PTuning.Backbones.Checkpoints.Onnx;

/// <summary>How whole numbers stand for others: <c>(number - zero point) * scale</c>.</summary>
/// <param name="ZeroPoint">Null for 0.</param>
/// <param name="Axis">The axis of the stored tensor along which scale and zero point change; null where one is for all.</param>
internal sealed record OnnxQuantization(OnnxConstant Scale, OnnxConstant? ZeroPoint, int? Axis);

/// <summary>A constant as a node of the graph takes it.</summary>
/// <param name="Constant">Where its numbers come from.</param>
/// <param name="Name">The name of a parameter that it has on its way to the node; null where exporters named it themselves.</param>
/// <param name="IsTransposed">Whether rows and columns change places on the way.</param>
/// <param name="Quantization">How its numbers are to be read; null where they are what they are.</param>
internal sealed record OnnxWeight(OnnxConstant Constant, string? Name = null, bool IsTransposed = false, OnnxQuantization? Quantization = null)
{
    /// <summary>Sizes as the node sees them.</summary>
    public long[] Shape => IsTransposed ? [Constant.Shape[1], Constant.Shape[0]] : Constant.Shape;

    /// <summary>The type of its numbers once they are read.</summary>
    public string Type => Quantization is null ? Constant.Type : "F32";

    public bool IsFloat => Quantization is not null || Constant.IsFloat;

    public OnnxWeight Transposed() => this with { IsTransposed = !IsTransposed };

    /// <summary>Whether both are the same numbers in the same order, whatever they are called.</summary>
    public bool Equals(OnnxWeight? other) =>
        other is not null && ReferenceEquals(Constant, other.Constant) && IsTransposed == other.IsTransposed && Quantization == other.Quantization;

    public override int GetHashCode() => HashCode.Combine(Constant.Name, IsTransposed);
}

/// <summary>A tensor under the name that Hugging Face gives it.</summary>
/// <param name="Name">A parameter's name; of a matrix whose module the graph does not tell, the name of its value.</param>
internal sealed record OnnxTensor(string Name, OnnxWeight Weight)
{
    /// <summary>The element type as safetensors spells it: that of the numbers that reading gives.</summary>
    public string Type => Weight.Type;

    /// <summary>Sizes, in Hugging Face's order: <c>[out, in]</c> of a linear layer.</summary>
    public long[] Shape => Weight.Shape;
}
