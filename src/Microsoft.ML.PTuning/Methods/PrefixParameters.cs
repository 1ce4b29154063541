using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>The trained parameters of a prefix, and how the prefix is computed from them.</summary>
/// <param name="gates">The gates, <c>[L' · h]</c>; null for none.</param>
internal abstract class PrefixParameters(PrefixShape shape, Tensor? gates) : MethodParameters
{
    protected PrefixShape Shape { get; } = shape;

    public sealed override IReadOnlyList<Tensor> Parameters => gates is null ? OfPrefix : [.. OfPrefix, gates];

    /// <summary>The parameters of the prefix alone.</summary>
    protected abstract IReadOnlyList<Tensor> OfPrefix { get; }

    public sealed override IReadOnlyDictionary<string, Tensor> Values()
    {
        var values = new Dictionary<string, Tensor> { [TrainedTensors.Prefix] = Prefix() };
        if (gates is not null)
            values.Add(TrainedTensors.PrefixGate, gates.view(Shape.Layers, Shape.Heads));
        return values;
    }

    /// <summary>The prefix, differentiable in the parameters: <c>[P, L', 2, h, D]</c>.</summary>
    protected abstract Tensor Prefix();
}

/// <summary>The prefix itself is trained.</summary>
internal sealed class EmbeddedPrefix(PrefixShape shape, Initializer weight, Tensor? gates = null) : PrefixParameters(shape, gates)
{
    private readonly Tensor _embedding = weight(shape.Length, shape.Width); // [P, 2L'H]

    protected override IReadOnlyList<Tensor> OfPrefix => [_embedding];

    protected override Tensor Prefix() => _embedding.view(Shape.Dimensions);
}

/// <summary>The prefix is the output of a small network over trained embeddings (Li &amp; Liang 2021): Embedding, Linear, Tanh, Linear.</summary>
internal sealed class ProjectedPrefix(PrefixShape shape, int size, Initializer weight, Initializer bias, Tensor? gates = null) : PrefixParameters(shape, gates)
{
    private readonly Tensor _embedding = weight(shape.Length, shape.Heads * shape.HeadSize); // [P, H]
    private readonly Tensor _inWeight = weight(size, shape.Heads * shape.HeadSize);          // [m, H]
    private readonly Tensor _inBias = bias(size);
    private readonly Tensor _outWeight = weight(shape.Width, size);                          // [2L'H, m]
    private readonly Tensor _outBias = bias(shape.Width);

    protected override IReadOnlyList<Tensor> OfPrefix => [_embedding, _inWeight, _inBias, _outWeight, _outBias];

    protected override Tensor Prefix()
    {
        using var inner = nn.functional.linear(_embedding, _inWeight, _inBias).tanh(); // [P, m]
        return nn.functional.linear(inner, _outWeight, _outBias).view(Shape.Dimensions);
    }
}
