namespace Microsoft.ML.PTuning.Backbones.Checkpoints.Onnx;

/// <summary>A node of a graph: an operator on values that other nodes, initialisers and inputs give.</summary>
/// <param name="Name">Exporters of torch since 1.13 write where in the model it is: <c>/encoder/layer.0/attention/self/query/MatMul</c>.</param>
/// <param name="Inputs">Names of values; an empty one for an input that is left out.</param>
/// <param name="Numbers">Its attributes that are whole numbers, or lists of them.</param>
/// <param name="Alpha">The factor that some operators multiply their product by.</param>
internal sealed record OnnxNode(
    string Name, string Operator, string Domain, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs,
    IReadOnlyDictionary<string, long[]> Numbers, float Alpha)
{
    /// <summary>The domain of the operators that ONNX Runtime adds to the standard's.</summary>
    public const string RuntimeDomain = "com.microsoft";

    /// <summary>The standard's operators, and those of ONNX Runtime, by one name; those of others stand with their domain.</summary>
    public string Kind => Domain is "" or "ai.onnx" or RuntimeDomain ? Operator : $"{Domain}.{Operator}";

    /// <summary>The name of an input; null where it is left out.</summary>
    public string? Input(int index) => index < Inputs.Count && Inputs[index].Length > 0 ? Inputs[index] : null;

    public long Number(string name, long fallback) => Numbers.TryGetValue(name, out var numbers) && numbers is [var number] ? number : fallback;

    public override string ToString() => $"{(Domain == RuntimeDomain ? $"{Domain}." : "")}{Kind} '{(Name.Length > 0 ? Name : Outputs.FirstOrDefault())}'";
}
