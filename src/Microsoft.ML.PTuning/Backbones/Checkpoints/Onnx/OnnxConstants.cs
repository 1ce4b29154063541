namespace Microsoft.ML.PTuning.Backbones.Checkpoints.Onnx;

/// <summary>Tells which constant a value is, through the nodes that only rename, cast, transpose or dequantise it.</summary>
internal sealed class OnnxConstants(OnnxGraph graph)
{
    /// <summary>More than an exporter makes of a scale, one of the other.</summary>
    private const int MostCopies = 8;

    private readonly Dictionary<string, OnnxWeight?> _known = new(StringComparer.Ordinal);

    /// <returns>Null where a value is no constant, or is calculated from some.</returns>
    /// <exception cref="FormatException">The graph runs in a circle.</exception>
    public OnnxWeight? Find(string value)
    {
        // Back to what is known, then forth again: without recursion, as a file may have a chain of any length.
        var chain = new Stack<(string Value, OnnxNode Node)>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        OnnxWeight? weight;
        for (var at = value; !_known.TryGetValue(at, out weight);)
        {
            if (!seen.Add(at))
                throw new FormatException($"its graph runs in a circle at the value '{at}'");
            if (graph.Constant(at) is { } constant)
                _known[at] = new(constant, OnnxNames.Parameter(at));
            else if (graph.Producer(at) is { Kind: "Identity" or "Cast" or "Transpose" or "DequantizeLinear" } node && node.Input(0) is { } input)
                (_, at) = (Push(at, node), input);
            else
                _known[at] = null;
        }

        while (chain.TryPop(out var step))
            _known[step.Value] = weight = weight is null ? null : Apply(step.Node, weight, step.Value);
        return weight;

        bool Push(string at, OnnxNode node)
        {
            chain.Push((at, node));
            return true;
        }
    }

    /// <summary>A constant's numbers as they are: a scale, a zero point.</summary>
    /// <returns>Null where the value is left out, or is none.</returns>
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
    /// <param name="axis">The axis that they change along where they are lists, as the node sees the constant.</param>
    /// <returns>Null where the constant is no whole numbers or is quantised already, or the scale is no constant.</returns>
    /// <exception cref="FormatException">Scale and zero point do not fit the constant.</exception>
    public OnnxWeight? Dequantized(OnnxWeight weight, OnnxConstant? scale, OnnxConstant? zeroPoint, long axis)
    {
        var constant = weight.Constant;
        if (weight.IsFloat || !constant.IsQuantized || scale is null)
            return null;
        if (!scale.IsFloat)
            throw new FormatException($"the scale {scale} of {constant} is no number with a fraction");
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
        // Parameters of the same numbers are stored once, and the others' names are those of copies.
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
