namespace Microsoft.ML.PTuning.Checkpoints.Onnx;

/// <summary>Finds the constant behind a value, through nodes that rename, cast, transpose or dequantise it.</summary>
internal sealed class OnnxConstants(OnnxGraph graph)
{
    /// <summary>The longest chain of Identity nodes that is followed to a scale.</summary>
    private const int MostCopies = 8;

    private readonly Dictionary<string, OnnxWeight?> _found = new(StringComparer.Ordinal);

    /// <returns>Null where the value is not constant, or other nodes calculate it.</returns>
    /// <exception cref="FormatException">The graph runs in a circle.</exception>
    public OnnxWeight? Find(string value)
    {
        // Back to a value that was found before, then forward again. No recursion: a file may hold a chain of any length.
        var chain = new Stack<(string Value, OnnxNode Node)>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var at = value;
        while (!_found.ContainsKey(at))
        {
            if (!seen.Add(at))
                throw new FormatException($"its graph runs in a circle at the value '{at}'");

            if (graph.Constant(at) is { } constant)
            {
                _found[at] = new(constant, OnnxNames.Parameter(at));
            }
            else if (graph.Producer(at) is { Kind: "Identity" or "Cast" or "Transpose" or "DequantizeLinear" } node && node.Input(0) is { } input)
            {
                chain.Push((at, node));
                at = input;
            }
            else
            {
                _found[at] = null;
            }
        }

        var weight = _found[at];
        while (chain.TryPop(out var step))
            _found[step.Value] = weight = weight is null ? null : Apply(step.Node, weight, step.Value);
        return weight;
    }

    /// <summary>The constant that a value is, neither cast nor transposed nor dequantised: a scale, a zero point.</summary>
    /// <returns>Null where the input is left out, or its value is not constant.</returns>
    public OnnxConstant? Plain(string? value)
    {
        for (var steps = 0; value is not null && steps <= MostCopies; steps++)
        {
            if (graph.Constant(value) is { } constant)
                return constant;
            value = graph.Producer(value) is { Kind: "Identity" } node ? node.Input(0) : null;
        }

        return null;
    }

    /// <summary>A quantised constant with its scale and zero point.</summary>
    /// <param name="axis">The axis of the weight that has a scale for each index, where there are several.</param>
    /// <returns>Null where the weight holds no whole numbers or has a scale already, or the scale is not constant.</returns>
    /// <exception cref="FormatException">Scale and zero point do not fit the constant.</exception>
    public OnnxWeight? Dequantized(OnnxWeight weight, OnnxConstant? scale, OnnxConstant? zeroPoint, long axis)
    {
        var constant = weight.Constant;
        if (weight.IsFloat || !constant.IsQuantized || scale is null)
            return null;
        if (!scale.IsFloat)
            throw new FormatException($"the scale {scale} of {constant} has a type without a fraction");
        if (zeroPoint is not null && (!zeroPoint.IsQuantized || zeroPoint.Count != scale.Count && zeroPoint.Count != 1))
            throw new FormatException($"the zero point {zeroPoint} of {constant} does not fit its scale {scale}");
        if (scale.Count == 1)
            return weight with { Quantization = new(scale, zeroPoint, Axis: null) };

        var rank = weight.Shape.Length;
        axis = axis < 0 ? axis + rank : axis;
        if (axis < 0 || axis >= rank || scale.Shape.Length != 1 || scale.Count != weight.Shape[axis])
            throw new FormatException($"the scale {scale} does not fit axis {axis} of {constant}");
        return weight with { Quantization = new(scale, zeroPoint, Axis: (int)(weight.IsTransposed ? 1 - axis : axis)) };
    }

    private OnnxWeight? Apply(OnnxNode node, OnnxWeight weight, string value) => node.Kind switch
    {
        // Exporters store parameters of equal numbers once. Identity nodes have the names of the others.
        "Identity" => OnnxNames.Parameter(value) is { } name ? weight with { Name = name } : weight,
        "Transpose" => Transpose(node, weight),
        "DequantizeLinear" when node.Number("block_size", 0) != 0 => null,
        "DequantizeLinear" => Dequantized(weight, Plain(node.Input(1)), Plain(node.Input(2)), node.Number("axis", 1)),
        _ => weight,
    };

    private static OnnxWeight? Transpose(OnnxNode node, OnnxWeight weight)
    {
        var rank = weight.Shape.Length;
        var order = node.Numbers.GetValueOrDefault("perm") ?? [.. Enumerable.Range(0, rank).Select(i => (long)(rank - 1 - i))];
        if (order.SequenceEqual(Enumerable.Range(0, rank).Select(i => (long)i)))
            return weight;
        return order is [1, 0] && rank == 2 ? weight.Transposed() : null;
    }
}
