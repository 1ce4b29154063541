using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>The trained parameters of a prefix, and how the prefix is computed from them.</summary>
internal abstract class PrefixParameters(PrefixShape shape) : MethodParameters
{
    protected PrefixShape Shape { get; } = shape;

    public sealed override IReadOnlyDictionary<string, Tensor> Values() => new Dictionary<string, Tensor> { [TrainedTensors.Prefix] = Prefix() };

    /// <summary>The prefix, differentiable in the parameters: <c>[P, L', 2, h, D]</c>.</summary>
    protected abstract Tensor Prefix();
}

/// <summary>The prefix itself is trained.</summary>
internal sealed class EmbeddedPrefix(PrefixShape shape, Initializer weight) : PrefixParameters(shape)
{
    private readonly Tensor _embedding = weight(shape.Length, shape.Width); // [P, 2L'H]

    public override IReadOnlyList<Tensor> Parameters => [_embedding];

    protected override Tensor Prefix() => _embedding.view(Shape.Dimensions);
}

/// <summary>The prefix is the output of a small network over trained embeddings (Li &amp; Liang 2021): Embedding, Linear, Tanh, Linear.</summary>
internal sealed class ProjectedPrefix(PrefixShape shape, int size, Initializer weight, Initializer bias) : PrefixParameters(shape)
{
    private readonly Tensor _embedding = weight(shape.Length, shape.Heads * shape.HeadSize); // [P, H]
    private readonly Tensor _inWeight = weight(size, shape.Heads * shape.HeadSize);          // [m, H]
    private readonly Tensor _inBias = bias(size);
    private readonly Tensor _outWeight = weight(shape.Width, size);                          // [2L'H, m]
    private readonly Tensor _outBias = bias(shape.Width);

    public override IReadOnlyList<Tensor> Parameters => [_embedding, _inWeight, _inBias, _outWeight, _outBias];

    protected override Tensor Prefix()
    {
        using var inner = nn.functional.linear(_embedding, _inWeight, _inBias).tanh(); // [P, m]
        return nn.functional.linear(inner, _outWeight, _outBias).view(Shape.Dimensions);
    }
}
