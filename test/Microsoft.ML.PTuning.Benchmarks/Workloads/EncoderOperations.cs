using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Compute;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>The operations of BERT's layers apart from each other, at the shapes of given batches: what each takes by itself.</summary>
/// <remarks>As in the encoder, the last layer's first token alone asks. Weights, states and gradients are random.</remarks>
/// <param name="type">The encoder's type of number.</param>
/// <param name="trains">Whether the backward pass of a training prefix follows each.</param>
/// <param name="shapes">Rows and tokens per row of each batch.</param>
internal sealed class EncoderOperations(
    BackboneConfiguration encoder, ScalarType type, bool trains, int prefixLength, IReadOnlyList<(int Rows, int Length)> shapes) : IDisposable
{
    private const double DropoutRate = 0.1;

    private readonly Dictionary<int, Tensor> _states = new()
    {
        [encoder.HiddenSize] = States(shapes, encoder.HiddenSize, type),
        [encoder.FeedForwardSize] = States(shapes, encoder.FeedForwardSize, type),
    };

    private readonly Tensor _prefix = randn(prefixLength, encoder.Heads, encoder.HiddenSize / encoder.Heads).DetachFromDisposeScope(); // [P, h, D]
    private readonly Tensor _ones = ones(encoder.HiddenSize, type).DetachFromDisposeScope();
    private readonly (Tensor Weight, Tensor Bias)[][] _layers = [.. Enumerable.Range(0, encoder.Layers).Select(_ => Linear(encoder, type))];

    /// <summary>What there is to time, by name.</summary>
    public IReadOnlyDictionary<string, Action> Kinds => new Dictionary<string, Action>
    {
        ["products"] = () => ForEachLayer(Products),
        ["attention"] = () => ForEachLayer(Attention),
        [encoder.Activation] = () => ForEachLayer(Activation),
        ["sums and norms"] = () => ForEachLayer(Norms),
        ["dropout"] = () => ForEachLayer(Dropout),
    }.Where(kind => trains || kind.Key != "dropout").ToDictionary();

    public void Dispose()
    {
        foreach (var tensor in _states.Values.Append(_prefix).Append(_ones))
            tensor.Dispose();
        foreach (var (weight, bias) in _layers.SelectMany(layer => layer))
        {
            weight.Dispose();
            bias.Dispose();
        }
    }

    private static Tensor States(IEnumerable<(int Rows, int Length)> shapes, int size, ScalarType type) =>
        randn(shapes.Max(shape => shape.Rows * shape.Length), size).to(type).DetachFromDisposeScope();

    // Queries, keys, values, the attention's output; feed-forward, there and back.
    private static (Tensor, Tensor)[] Linear(BackboneConfiguration encoder, ScalarType type)
    {
        var (hidden, feedForward) = (encoder.HiddenSize, encoder.FeedForwardSize);
        (int From, int To)[] sizes = [.. Enumerable.Repeat((hidden, hidden), 4), (hidden, feedForward), (feedForward, hidden)];
        return Array.ConvertAll(sizes, size => (
            randn(size.To, size.From).to(type).DetachFromDisposeScope(), randn(size.To).to(type).DetachFromDisposeScope()));
    }

    private void ForEachLayer(Action<int, int, int, int> operation) => WorkerThreads.Shared.Run(shapes.Count, batch =>
    {
        using var mode = set_grad_enabled(trains);
        var (rows, length) = shapes[batch];
        for (var layer = 0; layer < encoder.Layers; layer++)
        {
            using var scope = NewDisposeScope();
            operation(layer, rows, length, layer == encoder.Layers - 1 ? 1 : length);
        }
    });

    private void Products(int layer, int rows, int length, int asking)
    {
        for (var i = 0; i < _layers[layer].Length; i++)
        {
            var (weight, bias) = _layers[layer][i];
            var isOfInput = i < 3;
            var learns = !isOfInput || layer > 0; // Nothing is learned below the first layer.
            var x = Input((int)weight.size(1), rows, i is 1 or 2 ? length : asking, learns);
            Backward(LinearProduct.Of(x, weight, bias));
        }
    }

    private void Attention(int layer, int rows, int length, int asking)
    {
        var (q, k, v) = (Heads(asking), Heads(length), Heads(length));
        var prefix = new LayerPrefix(Prefix(), Prefix());
        var context = PrefixedAttention.Attend(q, k, v, prefix, zeros(rows, 1, 1, prefixLength + length, type));
        Backward(AttentionProjection.Join(context));

        Tensor Heads(int tokens) => Input(encoder.HiddenSize, rows, tokens).view(rows, tokens, encoder.Heads, -1).transpose(1, 2);

        Tensor Prefix() => trains ? ByRow(rows).contiguous().detach().requires_grad_(true) : _prefix;
    }

    private void Activation(int layer, int rows, int length, int asking) =>
        Backward(Backbones.Layers.Activation.Named(encoder.Activation)(Input(encoder.FeedForwardSize, rows, asking)));

    private void Norms(int layer, int rows, int length, int asking)
    {
        for (var i = 0; i < 2; i++)
        {
            var sum = Input(encoder.HiddenSize, rows, asking).Plus(Input(encoder.HiddenSize, rows, asking));
            Backward(functional.layer_norm(sum, [encoder.HiddenSize], _ones, _ones, encoder.LayerNormEpsilon));
        }
    }

    private void Dropout(int layer, int rows, int length, int asking)
    {
        using var generator = new Generator(1);
        var dropout = new Dropout(DropoutRate, generator);
        for (var i = 0; i < 2; i++)
            Backward(dropout.Apply(ByRow(rows, learns: true)));
    }

    /// <returns><c>[B, h, P, D]</c>.</returns>
    private Tensor ByRow(int rows, bool learns = false) =>
        (learns ? _prefix.detach().requires_grad_(true) : _prefix).transpose(0, 1).unsqueeze(0).expand(rows, -1, -1, -1);

    private Tensor Input(int size, int rows, int tokens, bool learns = true)
    {
        var states = _states[size].narrow(0, 0, rows * tokens).view(rows, tokens, size);
        return trains && learns ? states.detach().requires_grad_(true) : states;
    }

    private void Backward(Tensor output)
    {
        if (output.requires_grad)
            autograd.backward([output], [output.detach()]);
    }
}
