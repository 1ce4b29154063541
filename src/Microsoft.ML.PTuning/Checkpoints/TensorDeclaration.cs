namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>A tensor that a family expects in its checkpoint.</summary>
/// <param name="Name">Its Hugging Face key without the model's prefix: <c>embeddings.word_embeddings.weight</c>.</param>
/// <param name="Shape">Its sizes.</param>
/// <param name="Optional">Whether a checkpoint may come without the module it belongs to.</param>
internal sealed record TensorDeclaration(string Name, long[] Shape, bool Optional = false)
{
    /// <summary>The module that the tensor belongs to: its name up to the last dot.</summary>
    public string Module => Name[..Math.Max(0, Name.LastIndexOf('.'))];

    /// <summary>Weight <c>[to, from]</c> and bias <c>[to]</c> of a linear layer.</summary>
    public static IEnumerable<TensorDeclaration> Linear(string module, long from, long to, bool optional = false) =>
        [new($"{module}.weight", [to, from], optional), new($"{module}.bias", [to], optional)];

    /// <summary>The same of one that is stored transposed, weight <c>[from, to]</c>.</summary>
    public static IEnumerable<TensorDeclaration> Transposed(string module, long from, long to) =>
        [new($"{module}.weight", [from, to]), new($"{module}.bias", [to])];

    /// <summary>Weight and bias, both <c>[size]</c>, of a layer normalisation.</summary>
    public static IEnumerable<TensorDeclaration> LayerNorm(string module, long size) =>
        [new($"{module}.weight", [size]), new($"{module}.bias", [size])];

    /// <summary>A shape as messages and listings show it: <c>[768, 3072]</c>.</summary>
    public static string Format(long[] shape) => $"[{string.Join(", ", shape)}]";

    public override string ToString() => $"{Name} {Format(Shape)}{(Optional ? " optional" : "")}";
}
