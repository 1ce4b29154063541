namespace Microsoft.ML.PTuning.Checkpoints.Onnx;

/// <summary>Reads the names that exporters give to values and nodes.</summary>
internal static class OnnxNames
{
    /// <summary>What ONNX Runtime's quantiser appends to the name of a weight.</summary>
    private const string Quantized = "_quantized";

    /// <summary>The parameter's name that a value has.</summary>
    /// <returns>Null where the exporter made up a name: <c>onnx::MatMul_466</c>, <c>927</c>, <c>/embeddings/Constant_output_0</c>.</returns>
    public static string? Parameter(string value)
    {
        var name = value.EndsWith(Quantized, StringComparison.Ordinal) ? value[..^Quantized.Length] : value;
        return IsParameter(name) ? name : null;
    }

    /// <summary>The module that a node belongs to by its name: <c>encoder.layer.0.output.dense</c> of <c>/encoder/layer.0/output/dense/MatMul</c>.</summary>
    /// <returns>Null where the name tells no module.</returns>
    public static string? Module(OnnxNode node)
    {
        var end = node.Name.LastIndexOf('/');
        if (end <= 0 || node.Name[0] != '/')
            return null;

        var module = node.Name[1..end].Replace('/', '.');
        return AreWords(module.Split('.')) ? module : null;
    }

    /// <summary>A name without the numbers that torch's exporter appends when a module runs again: <c>attention.query_1</c>.</summary>
    public static string OfFirstRun(string name) => string.Join('.', name.Split('.').Select(word =>
        word.LastIndexOf('_') is > 0 and var at && at < word.Length - 1 && word.AsSpan(at + 1).IndexOfAnyExceptInRange('0', '9') < 0 ? word[..at] : word));

    // Words between dots, two at least: a module and what it holds.
    private static bool IsParameter(string value) => value.Split('.') is { Length: > 1 } words && AreWords(words);

    private static bool AreWords(string[] words) => words.All(word => word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'));
}
