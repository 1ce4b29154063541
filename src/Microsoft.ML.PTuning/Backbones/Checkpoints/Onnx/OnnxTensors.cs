namespace Microsoft.ML.PTuning.Backbones.Checkpoints.Onnx;

/// <summary>Finds a graph's weights and what Hugging Face calls them.</summary>
/// <remarks>
/// A weight has its own name where exporters kept it. They give matrices that they transposed another one; there the bias that is added to the product
/// tells the module, else the node's own name does. What a node multiplies by comes as <c>[in, out]</c>, Hugging Face keeps <c>[out, in]</c>.
/// </remarks>
internal sealed class OnnxTensors
{
    /// <summary>Operators in which ONNX Runtime's optimiser packs several weights into one, or bits of weights.</summary>
    private static readonly HashSet<string> Fused =
    [
        "Attention", "MultiHeadAttention", "PackedAttention", "PackedMultiHeadAttention", "GroupQueryAttention", "DecoderAttention", "LongformerAttention",
        "DecoderMaskedSelfAttention", "DecoderMaskedMultiHeadAttention", "RelativePositionBias", "GatedRelativePositionBias",
        "QAttention", "QOrderedAttention", "QOrderedLongformerAttention", "QEmbedLayerNormalization", "QGemm", "MatMulNBits", "MatMulBnb4", "MatMulFpQ4",
    ];

    /// <summary>How far behind a product its scale and its bias are looked for.</summary>
    private const int FarthestBias = 8;

    private readonly Dictionary<string, OnnxTensor> _tensors = new(StringComparer.Ordinal);
    private readonly HashSet<OnnxConstant> _used = new(ReferenceEqualityComparer.Instance);
    private readonly List<(OnnxWeight Weight, string? Name)> _unnamed = [];
    private readonly OnnxGraph _graph;
    private readonly OnnxConstants _constants;

    private OnnxTensors(OnnxGraph graph) => (_graph, _constants) = (graph, new(graph));

    /// <returns>Each name once.</returns>
    /// <exception cref="FormatException">The graph is fused, or contradicts itself.</exception>
    public static IReadOnlyList<OnnxTensor> Of(OnnxGraph graph)
    {
        if (graph.Nodes.FirstOrDefault(node => node.Domain == OnnxNode.RuntimeDomain && Fused.Contains(node.Operator)) is { } fused)
        {
            throw new FormatException($"its node {fused} packs several weights into one; export the model without optimisation (of optimum, without -O2 and above; "
                + "of onnxruntime.transformers, not at all) and quantise it to 8 bits where you like");
        }

        var tensors = new OnnxTensors(graph);
        tensors.AddWeightsOfNodes();
        tensors.AddUnnamed();
        tensors.AddParameters();
        return [.. tensors._tensors.Values];
    }

    private void AddWeightsOfNodes()
    {
        foreach (var node in _graph.Nodes)
        {
            switch (node.Kind)
            {
                case "MatMul":
                    AddMatrix(node, Constant(node, 1), isOutIn: false, bias: null);
                    break;
                case "Gemm" or "FusedMatMul":
                    AddMatrix(node, Scaled(node, Constant(node, 1)), isOutIn: node.Number("transB", 0) != 0, bias: node.Kind == "Gemm" ? 2 : null);
                    break;
                case "MatMulInteger":
                    AddMatrix(node, Quantized(node, 1, ScaleBehind(node), zeroPoint: 3), isOutIn: false, bias: null);
                    break;
                case "DynamicQuantizeMatMul":
                    AddMatrix(node, Quantized(node, 1, _constants.Plain(node.Input(2)), zeroPoint: 3), isOutIn: false, bias: 4);
                    break;
                case "MatMulIntegerToFloat":
                    AddMatrix(node, Quantized(node, 1, _constants.Plain(node.Input(3)), zeroPoint: 5), isOutIn: false, bias: 6);
                    break;
                case "QLinearMatMul":
                    AddMatrix(node, Quantized(node, 3, _constants.Plain(node.Input(4)), zeroPoint: 5), isOutIn: false, bias: null);
                    break;
                case "Gather" when node.Number("axis", 0) == 0:
                    AddTable(node);
                    break;
                case "LayerNormalization":
                    AddVector(node, 1, "weight");
                    AddVector(node, 2, "bias");
                    break;
                case "Add":
                    AddVector(node, 0, "bias");
                    AddVector(node, 1, "bias");
                    break;
                case "Mul":
                    AddVector(node, 0, "weight");
                    AddVector(node, 1, "weight");
                    break;
                case "QuantizeLinear" or "DequantizeLinear":
                    Use(_constants.Plain(node.Input(1)));
                    Use(_constants.Plain(node.Input(2)));
                    break;
            }
        }
    }

    private void AddMatrix(OnnxNode node, OnnxWeight? weight, bool isOutIn, int? bias)
    {
        if (weight is not { IsFloat: true, Shape.Length: 2 })
            return;

        var module = bias is { } index && node.Input(index) is { } own ? ModuleOfBias(own) : ModuleBehind(node);
        if (bias is { } vector)
            AddVector(node, vector, "bias");
        Add(node, isOutIn ? weight : weight.Transposed(), weight.Name ?? (module is null ? null : $"{module}.weight"), "weight");
    }

    private void AddTable(OnnxNode node)
    {
        if (Constant(node, 0) is not { Shape.Length: 2 } table)
            return;

        // Of a quantised table the rows are dequantised that were looked up.
        if (!table.IsFloat && _graph.Consumers(node.Outputs[0]).FirstOrDefault(next => next.Kind == "DequantizeLinear") is { } dequantize)
            table = _constants.Dequantized(table, _constants.Plain(dequantize.Input(1)), _constants.Plain(dequantize.Input(2)), axis: -1) ?? table;
        if (table.IsFloat)
            Add(node, table, table.Name, "weight");
    }

    private void AddVector(OnnxNode node, int index, string kind)
    {
        if (Constant(node, index) is { IsFloat: true, Shape.Length: 1 } vector)
            Add(node, vector, vector.Name, kind);
    }

    /// <param name="name">Its own, or the one that its bias tells.</param>
    private void Add(OnnxNode node, OnnxWeight weight, string? name, string kind)
    {
        Use(weight.Constant);
        if (name is not null)
            Add(name, weight);
        else
            _unnamed.Add((weight, OnnxNames.Module(node) is { } module ? $"{module}.{kind}" : null));
    }

    private void Add(string name, OnnxWeight weight)
    {
        if (!_tensors.TryAdd(name, new(name, weight)) && !_tensors[name].Weight.Equals(weight))
            throw new FormatException($"it gives '{name}' twice: {_tensors[name].Weight.Constant} and {weight.Constant}, or one in two orders");
    }

    /// <summary>What only the nodes' names tell; matrices of which nothing does are listed under the names of their values.</summary>
    private void AddUnnamed()
    {
        foreach (var (weight, name) in _unnamed)
        {
            var known = _tensors.Values.Where(tensor => tensor.Weight.Equals(weight)).Select(tensor => tensor.Name).ToArray();
            if (name is not null && !known.Contains(OnnxNames.OfFirstRun(name)))
                Add(name, weight);
            else if (known.Length == 0 && weight.Shape.Length == 2)
                Add(weight.Constant.Name, weight);
        }
    }

    /// <summary>What has a parameter's name but no node that says what it is: a buffer, a head's, a table of which rows are cut.</summary>
    private void AddParameters()
    {
        var values = _graph.Constants.Where(constant => !_used.Contains(constant)).Select(constant => constant.Name)
            .Concat(_graph.Nodes.Where(node => node.Kind is "Identity" or "DequantizeLinear").SelectMany(node => node.Outputs));
        foreach (var value in values)
        {
            if (OnnxNames.Parameter(value) is { } name && !_tensors.ContainsKey(name)
                && _constants.Find(value) is { Constant.Shape.Length: > 0 } weight && !IsPartOfQuantization(value))
                Add(name, weight);
        }
    }

    // Weights that were dequantised by their node and not by one of its own.
    private bool IsPartOfQuantization(string value) => _graph.Constant(value) is { } constant && _used.Contains(constant);

    private OnnxWeight? Constant(OnnxNode node, int index) => node.Input(index) is { } value ? _constants.Find(value) : null;

    private OnnxWeight? Quantized(OnnxNode node, int index, OnnxConstant? scale, int zeroPoint)
    {
        if (Constant(node, index) is not { Shape.Length: 2 } weight)
            return null;

        var zero = _constants.Plain(node.Input(zeroPoint));
        Use(scale);
        Use(zero);
        return _constants.Dequantized(weight, scale, zero, axis: 1)
            ?? throw new FormatException($"the scale of {weight.Constant}, which the node {node} multiplies by, is not found; quantise the model with onnxruntime");
    }

    private static OnnxWeight? Scaled(OnnxNode node, OnnxWeight? weight) => weight is null || node.Alpha == 1
        ? weight
        : throw new FormatException($"the node {node} multiplies its product with {weight.Constant} by {node.Alpha}, expected 1");

    private void Use(OnnxConstant? constant)
    {
        if (constant is not null)
            _used.Add(constant);
    }

    /// <summary>The scale of a product of whole numbers: a constant that the product is multiplied by, or that the other operand's scale is.</summary>
    private OnnxConstant? ScaleBehind(OnnxNode product)
    {
        foreach (var (node, other) in Behind(product))
        {
            if (node.Kind != "Mul" || other is null)
                continue;
            if (_constants.Plain(other) is { } scale)
                return scale;
            if (_graph.Producer(other) is { Kind: "Mul" } scales && scales.Inputs.Select(_constants.Plain).FirstOrDefault(c => c is not null) is { } factor)
                return factor;
        }

        return null;
    }

    /// <summary>The module whose bias is added to a product.</summary>
    private string? ModuleBehind(OnnxNode product) => Behind(product)
        .Select(step => step.Node.Kind is "Add" or "BiasGelu" or "FastGelu" or "SkipLayerNormalization" ? step : default)
        .Select(step => step.Node is null ? null : ModuleOfBias(step.Node.Kind == "SkipLayerNormalization" ? step.Node.Input(4) : step.Other))
        .FirstOrDefault(module => module is not null);

    private string? ModuleOfBias(string? value)
    {
        const string ending = ".bias";
        return value is not null && _constants.Find(value) is { Shape.Length: 1, Name: { } name } && name.EndsWith(ending, StringComparison.Ordinal)
            ? name[..^ending.Length]
            : null;
    }

    /// <summary>The nodes that take a product, and those behind the ones that leave it what it is but for its type and scale; each with its other operand.</summary>
    private IEnumerable<(OnnxNode Node, string? Other)> Behind(OnnxNode product)
    {
        var values = product.Outputs.Take(1).ToList();
        for (var i = 0; i < values.Count && i < FarthestBias; i++)
        {
            foreach (var node in _graph.Consumers(values[i]))
            {
                yield return (node, node.Inputs.Take(2).FirstOrDefault(input => input != values[i]));
                if (node.Kind is "Identity" or "Cast" or "QuantizeLinear" or "DequantizeLinear" || node.Kind == "Mul" && product.Kind == "MatMulInteger")
                    values.AddRange(node.Outputs.Take(1));
            }
        }
    }
}
