using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;

/// <summary>Writes a graph operator by operator, with the names that torch's exporter gives: matrices transposed and without a name of their own.</summary>
/// <param name="weights">By Hugging Face's names.</param>
internal sealed class GraphBuilder(IReadOnlyDictionary<string, Tensor> weights)
{
    private readonly Dictionary<string, string> _matrices = [];
    private readonly HashSet<string> _parameters = [];
    private readonly Dictionary<string, int> _runs = [];
    private int _values;

    public OnnxDraft Draft { get; } = new();

    /// <summary>Adds a node, of which it gives the output.</summary>
    public string Op(string @operator, string[] inputs, Action<DraftNode>? with = null, string name = "")
    {
        var output = $"value_{_values++}";
        with?.Invoke(Draft.Add(@operator, inputs, [output], name));
        if (with is null)
            Draft.Add(@operator, inputs, [output], name);
        return output;
    }

    public string Op(string @operator, params string[] inputs) => Op(@operator, inputs, with: null);

    public string Numbers(params long[] numbers) =>
        Op("Constant", [], node => node.With("value", DraftTensor.Of("", numbers, numbers.Length)));

    public string Indices(long[] numbers, params long[] shape) => Op("Constant", [], node => node.With("value", DraftTensor.Of("", numbers, shape)));

    public string Number(float number) => Op("Constant", [], node => node.With("value", DraftTensor.Of("", (float[])[number])));

    public string Transpose(string x, params long[] order) => Op("Transpose", [x], node => node.With("perm", order));

    public string Reshape(string x, params long[] shape) => Op("Reshape", x, Numbers(shape));

    /// <summary>A parameter under its own name.</summary>
    public string Parameter(string name)
    {
        if (_parameters.Add(name))
            Draft.Tensors.Add(DraftTensor.Of(name, weights[name].data<float>().ToArray(), weights[name].shape));
        return name;
    }

    public string Linear(string x, string module)
    {
        if (!_matrices.TryGetValue(module, out var matrix))
        {
            using var transposed = weights[$"{module}.weight"].t().contiguous();
            _matrices[module] = matrix = $"onnx::MatMul_{_matrices.Count}";
            Draft.Tensors.Add(DraftTensor.Of(matrix, transposed.data<float>().ToArray(), transposed.shape));
        }

        var run = _runs[module] = _runs.GetValueOrDefault(module) + 1;
        var scope = $"/{module.Replace('.', '/').Replace("layer/", "layer.", StringComparison.Ordinal)}{(run == 1 ? "" : $"_{run - 1}")}";
        var product = Op("MatMul", [x, matrix], name: $"{scope}/MatMul");
        return weights.ContainsKey($"{module}.bias") ? Op("Add", [Parameter($"{module}.bias"), product], name: $"{scope}/Add") : product;
    }

    public string LayerNorm(string x, string module, double epsilon)
    {
        var centred = Op("Sub", x, Mean(x));
        var deviation = Op("Sqrt", Op("Add", Mean(Op("Mul", centred, centred)), Number((float)epsilon)));
        return Op("Add", Op("Mul", Op("Div", centred, deviation), Parameter($"{module}.weight")), Parameter($"{module}.bias"));

        string Mean(string values) => Op("ReduceMean", [values], node => node.With("axes", [-1]));
    }

    public string Gelu(string x) =>
        Op("Mul", Op("Mul", x, Op("Add", Op("Erf", Op("Div", x, Number(MathF.Sqrt(2)))), Number(1))), Number(0.5f));
}
