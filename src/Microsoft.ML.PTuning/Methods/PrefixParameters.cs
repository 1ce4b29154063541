using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>What is trained of a prefix, and how the prefix follows from it.</summary>
/// <remarks>
/// <see cref="Values"/> is computed once a step, never once a row; training ends with the values, and the parameters are thrown away.
/// </remarks>
internal abstract class PrefixParameters(PrefixShape shape) : IDisposable
{
    protected PrefixShape Shape { get; } = shape;

    /// <summary>The trained tensors.</summary>
    public abstract IReadOnlyList<Tensor> Parameters { get; }

    /// <summary>The prefix, differentiable in <see cref="Parameters"/>: <c>[P, L', 2, h, D]</c>.</summary>
    public abstract Tensor Values();

    public void Dispose()
    {
        foreach (var parameter in Parameters)
            parameter.Dispose();
    }
}

/// <summary>The prefix itself is trained.</summary>
internal sealed class EmbeddedPrefix(PrefixShape shape, Initializer weight) : PrefixParameters(shape)
{
    private readonly Tensor _embedding = weight(shape.Length, shape.Width); // [P, 2L'H]

    public override IReadOnlyList<Tensor> Parameters => [_embedding];

    public override Tensor Values() => _embedding.view(Shape.Dimensions);
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

    public override Tensor Values()
    {
        using var inner = nn.functional.linear(_embedding, _inWeight, _inBias).tanh(); // [P, m]
        return nn.functional.linear(inner, _outWeight, _outBias).view(Shape.Dimensions);
    }
}
