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
/// <remarks>Each stack of layers has a network of its own: an encoder's, and a decoder's attention to itself and to the encoder.</remarks>
/// <param name="stacks">The places of each stack's layers among those with a prefix; together all places, in any order.</param>
internal sealed class ProjectedPrefix(
    PrefixShape shape, int size, Initializer weight, Initializer bias, Tensor? gates = null, IReadOnlyList<int[]>? stacks = null)
    : PrefixParameters(shape, gates)
{
    private readonly Network[] _networks = [.. (stacks ?? [[.. Enumerable.Range(0, shape.Layers)]]).Select(layers => new Network(shape, layers, size, weight, bias))];

    protected override IReadOnlyList<Tensor> OfPrefix => [.. _networks.SelectMany(network => network.Parameters)];

    protected override Tensor Prefix() => _networks is [var single]
        ? single.Compute()
        : stack(
            _networks.SelectMany(network => network.Layers.Zip(network.Compute().unbind(1))).OrderBy(layer => layer.First).Select(layer => layer.Second), 1);

    private sealed class Network(PrefixShape shape, int[] layers, int size, Initializer weight, Initializer bias)
    {
        private readonly Tensor _embedding = weight(shape.Length, shape.Heads * shape.HeadSize);                            // [P, H]
        private readonly Tensor _inWeight = weight(size, shape.Heads * shape.HeadSize);                                     // [m, H]
        private readonly Tensor _inBias = bias(size);
        private readonly Tensor _outWeight = weight(2 * layers.Length * shape.Heads * shape.HeadSize, size);                // [2L'H, m]
        private readonly Tensor _outBias = bias(2 * layers.Length * shape.Heads * shape.HeadSize);

        public int[] Layers { get; } = layers;

        public IReadOnlyList<Tensor> Parameters => [_embedding, _inWeight, _inBias, _outWeight, _outBias];

        /// <returns><c>[P, L', 2, h, D]</c> of its own layers.</returns>
        public Tensor Compute()
        {
            using var inner = nn.functional.linear(_embedding, _inWeight, _inBias).tanh(); // [P, m]
            return nn.functional.linear(inner, _outWeight, _outBias).view(shape.Length, Layers.Length, 2, shape.Heads, shape.HeadSize);
        }
    }
}
