namespace Microsoft.ML.PTuning.Backbones.Checkpoints.Onnx;

/// <summary>Where an operator that multiplies by a matrix takes what belongs to it: numbers of its inputs.</summary>
/// <param name="Weight">The matrix, <c>[in, out]</c> unless the node's attribute <c>transB</c> says otherwise.</param>
/// <param name="IsQuantized">Whether the matrix is of whole numbers, which a scale belongs to.</param>
/// <param name="Scale">Null where it is multiplied by afterwards.</param>
/// <param name="ZeroPoint">That of the matrix.</param>
/// <param name="Bias">Null where it is added afterwards.</param>
internal sealed record OnnxProduct(int Weight, bool IsQuantized = false, int? Scale = null, int? ZeroPoint = null, int? Bias = null)
{
    /// <summary>Operators in which ONNX Runtime's optimiser packs several weights into one, or several numbers of few bits.</summary>
    private static readonly HashSet<string> Packing =
    [
        "Attention", "MultiHeadAttention", "PackedAttention", "PackedMultiHeadAttention", "GroupQueryAttention", "DecoderAttention", "LongformerAttention",
        "DecoderMaskedSelfAttention", "DecoderMaskedMultiHeadAttention", "GatedRelativePositionBias", "QAttention", "QOrderedAttention",
        "QOrderedLongformerAttention", "QEmbedLayerNormalization", "QGemm", "MatMulNBits", "MatMulBnb4", "MatMulFpQ4",
    ];

    private static readonly Dictionary<string, OnnxProduct> Products = new()
    {
        ["MatMul"] = new(Weight: 1),
        ["Gemm"] = new(Weight: 1, Bias: 2),
        ["FusedMatMul"] = new(Weight: 1),
        ["MatMulInteger"] = new(Weight: 1, IsQuantized: true, ZeroPoint: 3),
        ["DynamicQuantizeMatMul"] = new(Weight: 1, IsQuantized: true, Scale: 2, ZeroPoint: 3, Bias: 4),
        ["MatMulIntegerToFloat"] = new(Weight: 1, IsQuantized: true, Scale: 3, ZeroPoint: 5, Bias: 6),
        ["QLinearMatMul"] = new(Weight: 3, IsQuantized: true, Scale: 4, ZeroPoint: 5),
    };

    /// <returns>Null where a node does not multiply by a matrix.</returns>
    public static OnnxProduct? Of(OnnxNode node) => Products.GetValueOrDefault(node.Kind);

    /// <summary>Whether a node's weights cannot be told apart.</summary>
    public static bool IsPacked(OnnxNode node) => node.Domain == OnnxNode.RuntimeDomain && Packing.Contains(node.Operator);

    /// <summary>Inputs of a node that say how whole numbers are to be read: scales and zero points, of weights or of activations.</summary>
    public static int[] Scales(OnnxNode node) => node.Kind switch
    {
        "QuantizeLinear" or "DequantizeLinear" => [1, 2],
        "MatMulInteger" => [2, 3],
        "DynamicQuantizeMatMul" => [2, 3],
        "MatMulIntegerToFloat" => [2, 3, 4, 5],
        "QLinearMatMul" => [1, 2, 4, 5, 6, 7],
        _ => [],
    };

    /// <summary>The input of a node that is a bias, where a product comes in as its first or second one.</summary>
    /// <param name="product">The product's value.</param>
    public static string? BiasBehind(OnnxNode node, string product) => node.Kind switch
    {
        "Add" or "BiasGelu" or "FastGelu" => node.Inputs.Take(2).FirstOrDefault(input => input != product),
        "SkipLayerNormalization" => node.Input(4),
        _ => null,
    };
}
