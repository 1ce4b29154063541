namespace Microsoft.ML.PTuning.Checkpoints.Onnx;

/// <summary>An operator that multiplies by a matrix, and which of its inputs are what.</summary>
/// <param name="Weight">The matrix, <c>[in, out]</c> unless the attribute <c>transB</c> says otherwise.</param>
/// <param name="IsQuantized">Whether the matrix holds whole numbers that have a scale.</param>
/// <param name="Scale">The matrix's scale; null where a later node multiplies by it.</param>
/// <param name="ZeroPoint">The matrix's zero point; null where it has none.</param>
/// <param name="Bias">The bias; null where a later node adds it.</param>
internal sealed record OnnxProduct(int Weight, bool IsQuantized = false, int? Scale = null, int? ZeroPoint = null, int? Bias = null)
{
    /// <summary>ONNX Runtime's operators that take several weights packed into one, or numbers of fewer than 8 bits.</summary>
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

    /// <summary>Whether a node takes weights that this reader cannot unpack.</summary>
    public static bool IsPacked(OnnxNode node) => node.Domain == OnnxNode.RuntimeDomain && Packing.Contains(node.Operator);

    /// <summary>The inputs of a node that are scales and zero points, of weights or of activations.</summary>
    public static int[] Scales(OnnxNode node) => node.Kind switch
    {
        "QuantizeLinear" or "DequantizeLinear" => [1, 2],
        "MatMulInteger" => [2, 3],
        "DynamicQuantizeMatMul" => [2, 3],
        "MatMulIntegerToFloat" => [2, 3, 4, 5],
        "QLinearMatMul" => [1, 2, 4, 5, 6, 7],
        _ => [],
    };

    /// <summary>The bias that a node adds to a product; null where it adds none.</summary>
    /// <param name="product">The product, the first or second input of the node.</param>
    public static string? BiasBehind(OnnxNode node, string product) => node.Kind switch
    {
        "Add" or "BiasGelu" or "FastGelu" => node.Inputs.Take(2).FirstOrDefault(input => input != product),
        "SkipLayerNormalization" => node.Input(4),
        _ => null,
    };
}
