namespace Microsoft.ML.PTuning.Checkpoints.Onnx;

/// <summary>Finds a graph's weights and their Hugging Face names.</summary>
/// <remarks>
/// A weight has its own name where the exporter kept it. Exporters transpose matrices and give them new names. The bias that a later node adds to the
/// product then tells the module; if it has no name either, the node's own name does. Graphs multiply by <c>[in, out]</c>; Hugging Face stores
/// <c>[out, in]</c>.
/// </remarks>
internal sealed class OnnxTensors
{
    /// <summary>How many values after a product are searched for its scale and its bias.</summary>
    private const int FarthestBias = 8;

    private readonly Dictionary<string, OnnxTensor> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<OnnxWeight, List<string>> _names = [];
    private readonly List<(OnnxWeight Weight, string? Name)> _unnamed = [];
    private readonly HashSet<OnnxConstant> _scales = new(ReferenceEqualityComparer.Instance);
    private readonly OnnxGraph _graph;
    private readonly OnnxConstants _constants;

    private OnnxTensors(OnnxGraph graph)
    {
        (_graph, _constants) = (graph, new(graph));
        FindScales();
        foreach (var node in graph.Nodes)
            AddWeightsOf(node);
        AddUnnamed();
        AddParameters();
    }

    /// <returns>Each name once.</returns>
    /// <exception cref="FormatException">The graph packs weights, or contradicts itself.</exception>
    public static IReadOnlyList<OnnxTensor> Of(OnnxGraph graph)
    {
        if (graph.Nodes.FirstOrDefault(OnnxProduct.IsPacked) is { } packed)
        {
            throw new FormatException(
                $"its node {packed} packs weights that a checkpoint keeps apart; export the model without onnxruntime's transformer optimisations "
                + "(of optimum, without -O2 and above), and with 8 bits or more a number");
        }

        return [.. new OnnxTensors(graph)._tensors.Values];
    }

    private void FindScales()
    {
        foreach (var node in _graph.Nodes)
        {
            foreach (var index in OnnxProduct.Scales(node))
                if (_constants.Plain(node.Input(index)) is { } constant)
                    _scales.Add(constant);
            if (node.Kind == "MatMulInteger" && ScaleBehind(node) is { } scale)
                _scales.Add(scale);
        }
    }

    private void AddWeightsOf(OnnxNode node)
    {
        if (OnnxProduct.Of(node) is { } product)
        {
            AddMatrix(node, product);
            return;
        }

        switch (node.Kind)
        {
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
        }
    }

    private void AddMatrix(OnnxNode node, OnnxProduct product)
    {
        if (Constant(node, product.Weight) is not { Shape.Length: 2 } stored)
            return;

        var weight = product.IsQuantized ? Quantized(node, product, stored) : stored;
        if (!weight.IsFloat)
            return;
        if (node.Factor != 1)
            throw new FormatException($"the node {node} multiplies its product with {weight.Constant}, or its bias, by {node.Factor}, expected 1");

        var module = product.Bias is { } bias && node.Input(bias) is { } own ? ModuleOfBias(own) : ModuleBehind(node);
        if (product.Bias is { } vector)
            AddVector(node, vector, "bias");
        Add(node, node.Number("transB", 0) == 0 ? weight.Transposed() : weight, weight.Name ?? (module is null ? null : $"{module}.weight"), "weight");
    }

    private OnnxWeight Quantized(OnnxNode node, OnnxProduct product, OnnxWeight weight)
    {
        var scale = product.Scale is { } index ? _constants.Plain(node.Input(index)) : ScaleBehind(node);
        return _constants.Dequantized(weight, scale, product.ZeroPoint is { } zero ? _constants.Plain(node.Input(zero)) : null, axis: 1)
            ?? throw new FormatException(
                $"the scale of {weight.Constant}, which the node {node} multiplies by, was not found; quantise the model with onnxruntime");
    }

    private void AddTable(OnnxNode node)
    {
        if (Constant(node, 0) is not { Shape.Length: 2 } table)
            return;

        // A later node dequantises the rows that were looked up in a quantised table.
        if (!table.IsFloat && node.Outputs is [var rows, ..] && _graph.Consumers(rows).FirstOrDefault(next => next.Kind == "DequantizeLinear") is { } next)
            table = _constants.Dequantized(table, _constants.Plain(next.Input(1)), _constants.Plain(next.Input(2)), axis: -1) ?? table;
        if (table.IsFloat)
            Add(node, table, table.Name, "weight");
    }

    private void AddVector(OnnxNode node, int index, string kind)
    {
        if (Constant(node, index) is { IsFloat: true, Shape.Length: 1 } vector && !_scales.Contains(vector.Constant))
            Add(node, vector, vector.Name, kind);
    }

    /// <param name="name">The weight's own name, or the one that its bias tells; null where there is neither.</param>
    private void Add(OnnxNode node, OnnxWeight weight, string? name, string kind)
    {
        if (name is not null)
            Add(name, weight);
        else
            _unnamed.Add((weight, OnnxNames.Module(node) is { } module ? $"{module}.{kind}" : null));
    }

    private void Add(string name, OnnxWeight weight)
    {
        if (!_tensors.TryAdd(name, new(name, weight)))
        {
            if (_tensors[name].Weight.Equals(weight))
                return;
            throw new FormatException($"it gives '{name}' twice: {_tensors[name].Weight.Constant} and {weight.Constant}, or one in two orders");
        }

        if (!_names.TryGetValue(weight, out var names))
            _names.Add(weight, names = []);
        names.Add(name);
    }

    /// <summary>Weights that only node names tell. Matrices that nothing tells are listed under the graph's names, so that strict loading names them.</summary>
    private void AddUnnamed()
    {
        foreach (var (weight, name) in _unnamed)
        {
            var names = _names.GetValueOrDefault(weight, []);
            var isFree = name is not null && (!_tensors.TryGetValue(name, out var other) || other.Weight.Equals(weight));
            if (isFree && weight.Constant.Count > 1 && !names.Contains(OnnxNames.OfFirstRun(name!)))
                Add(name!, weight);
            else if (names.Count == 0 && weight.Shape.Length == 2)
                Add(weight.Constant.Name, weight);
        }
    }

    /// <summary>Parameters that no node above takes: buffers, kernels of convolutions, tables that are sliced.</summary>
    private void AddParameters()
    {
        var values = _graph.Constants.Where(constant => !_scales.Contains(constant)).Select(constant => constant.Name)
            .Concat(_graph.Nodes.Where(node => node.Kind is "Identity" or "DequantizeLinear").SelectMany(node => node.Outputs.Take(1)));

        // The dequantised ones first: whole numbers alone are listed only where they have no scale.
        foreach (var weight in values.Select(_constants.Find).OfType<OnnxWeight>().OrderBy(weight => weight.Quantization is null))
        {
            if (weight is { Name: { } name, Constant.Shape.Length: > 0 } && !_tensors.ContainsKey(name) && !_scales.Contains(weight.Constant))
                Add(name, weight);
        }
    }

    private OnnxWeight? Constant(OnnxNode node, int index) => node.Input(index) is { } value ? _constants.Find(value) : null;

    /// <summary>The scale of a product of whole numbers. A later node multiplies by it, or by its product with the other operand's scale.</summary>
    private OnnxConstant? ScaleBehind(OnnxNode product)
    {
        foreach (var (node, value) in Behind(product))
        {
            if (node.Kind != "Mul" || node.Inputs.FirstOrDefault(input => input != value) is not { } other)
                continue;
            if (_constants.Plain(other) is { } scale)
                return scale;
            if (_graph.Producer(other) is { Kind: "Mul" } scales && scales.Inputs.Select(_constants.Plain).FirstOrDefault(c => c is not null) is { } factor)
                return factor;
        }

        return null;
    }

    /// <summary>The module whose bias a later node adds to a product.</summary>
    private string? ModuleBehind(OnnxNode product) =>
        Behind(product).Select(step => ModuleOfBias(OnnxProduct.BiasBehind(step.Node, step.Value))).FirstOrDefault(module => module is not null);

    private string? ModuleOfBias(string? value)
    {
        const string ending = ".bias";
        return value is not null && _constants.Find(value) is { Shape.Length: 1, Name: { } name } && name.EndsWith(ending, StringComparison.Ordinal)
            ? name[..^ending.Length]
            : null;
    }

    /// <summary>The nodes that take a product, also after nodes that change only its type or scale; each with the value that it takes.</summary>
    private IEnumerable<(OnnxNode Node, string Value)> Behind(OnnxNode product)
    {
        var values = product.Outputs.Take(1).ToList();
        for (var i = 0; i < values.Count && i < FarthestBias; i++)
        {
            foreach (var node in _graph.Consumers(values[i]))
            {
                yield return (node, values[i]);
                if (node.Kind is "Identity" or "Cast" or "QuantizeLinear" or "DequantizeLinear" || node.Kind == "Mul" && product.Kind == "MatMulInteger")
                    values.AddRange(node.Outputs.Take(1));
            }
        }
    }
}
