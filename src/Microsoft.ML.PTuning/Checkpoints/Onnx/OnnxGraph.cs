namespace Microsoft.ML.PTuning.Checkpoints.Onnx;

/// <summary>A model's graph: its constants and its nodes.</summary>
internal sealed class OnnxGraph
{
    private readonly Dictionary<string, OnnxConstant> _constants = new(StringComparer.Ordinal);
    private readonly Dictionary<string, OnnxNode> _producers = new(StringComparer.Ordinal);
    private readonly ILookup<string, OnnxNode> _consumers;

    /// <exception cref="FormatException">A value is given twice.</exception>
    public OnnxGraph(IEnumerable<OnnxConstant> constants, IReadOnlyList<OnnxNode> nodes)
    {
        Nodes = nodes;
        foreach (var constant in constants)
            if (!_constants.TryAdd(constant.Name, constant))
                throw new FormatException($"it holds the tensor '{constant.Name}' twice");

        foreach (var node in nodes)
            foreach (var output in node.Outputs.Where(name => name.Length > 0))
                if (_constants.ContainsKey(output) || !_producers.TryAdd(output, node))
                    throw new FormatException($"the node {node} gives the value '{output}', which is given already");

        _consumers = nodes.SelectMany(node => node.Inputs.Distinct(), (node, input) => (node, input)).ToLookup(pair => pair.input, pair => pair.node);
    }

    /// <summary>All but Constant nodes, in the file's order.</summary>
    public IReadOnlyList<OnnxNode> Nodes { get; }

    /// <summary>In the file's order.</summary>
    public IReadOnlyCollection<OnnxConstant> Constants => _constants.Values;

    public OnnxConstant? Constant(string value) => _constants.GetValueOrDefault(value);

    /// <summary>The node that gives a value; null where it is a constant or an input of the graph.</summary>
    public OnnxNode? Producer(string value) => _producers.GetValueOrDefault(value);

    /// <summary>The nodes that take a value.</summary>
    public IEnumerable<OnnxNode> Consumers(string value) => _consumers[value];
}
