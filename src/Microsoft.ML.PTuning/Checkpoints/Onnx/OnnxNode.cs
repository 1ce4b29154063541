namespace Microsoft.ML.PTuning.Checkpoints.Onnx;

/// <summary>A node of a graph: an operator, the values that it takes and those that it gives.</summary>
/// <param name="Name">Since version 1.13 torch's exporter writes the module here: <c>/encoder/layer.0/attention/self/query/MatMul</c>.</param>
/// <param name="Inputs">Names of values; empty for an input that is left out.</param>
/// <param name="Numbers">The attributes that are whole numbers or lists of them, as far as this reader needs them.</param>
/// <param name="Factor">What a product or its bias is multiplied by (alpha, beta); 1 where neither is.</param>
internal sealed record OnnxNode(
    string Name, string Operator, string Domain, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs,
    IReadOnlyDictionary<string, long[]> Numbers, float Factor)
{
    /// <summary>The domain of ONNX Runtime's own operators.</summary>
    public const string RuntimeDomain = "com.microsoft";

    /// <summary>The operator; with its domain unless it is the standard's or ONNX Runtime's.</summary>
    public string Kind => Domain is "" or "ai.onnx" or RuntimeDomain ? Operator : $"{Domain}.{Operator}";

    /// <summary>The name of an input; null where it is left out.</summary>
    public string? Input(int index) => index < Inputs.Count && Inputs[index].Length > 0 ? Inputs[index] : null;

    public long Number(string name, long fallback) => Numbers.TryGetValue(name, out var numbers) && numbers is [var number] ? number : fallback;

    public override string ToString() => $"{(Domain == RuntimeDomain ? $"{Domain}." : "")}{Kind} '{(Name.Length > 0 ? Name : Outputs.FirstOrDefault())}'";
}
