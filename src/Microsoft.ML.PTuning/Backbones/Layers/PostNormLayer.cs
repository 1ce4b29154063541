using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>What a family calls the modules that follow a layer's attention, as its checkpoint's keys spell them.</summary>
internal record PostNormOutputNames(string AttentionOutput, string AttentionNorm, string Intermediate, string Output, string OutputNorm)
{
    /// <summary>The linear layers, with those of the attention.</summary>
    public LinearNames LinearOf(string query, string key, string value) => new(query, key, value, AttentionOutput, Intermediate, Output);
}

/// <summary>What a family calls all modules of a <see cref="PostNormLayer"/>.</summary>
internal sealed record PostNormLayerNames(
    string Query, string Key, string Value, string AttentionOutput, string AttentionNorm, string Intermediate, string Output, string OutputNorm)
    : PostNormOutputNames(AttentionOutput, AttentionNorm, Intermediate, Output, OutputNorm)
{
    public LinearNames Linear => LinearOf(Query, Key, Value);
}

/// <summary>A family's attention.</summary>
/// <param name="q">Queries of all tokens, or of the first ones, <c>[B, h, Q, D]</c>.</param>
/// <param name="k">Keys of the text, <c>[B, h, T, D]</c>.</param>
/// <param name="v">Values of the text, <c>[B, h, T, D]</c>.</param>
/// <returns>Context, <c>[B, h, Q, D]</c>.</returns>
internal delegate Tensor Attention(Tensor q, Tensor k, Tensor v);

/// <summary>The attention of a layer that normalises after each residual sum.</summary>
internal sealed class PostNormAttention(
    AttentionProjection projection, FrozenTensors tensors, string output, string norm, BackboneConfiguration configuration)
{
    private readonly FrozenLinear _output = FrozenLinear.Of(tensors, output);
    private readonly FrozenLayerNorm _norm = FrozenLayerNorm.Of(tensors, norm, configuration.LayerNormEpsilon);

    /// <param name="querying">The tokens that send queries, <c>[B, Q, H]</c>.</param>
    /// <param name="hidden">The tokens that keys and values come from, <c>[B, T, H]</c>.</param>
    /// <param name="changes">What a method changes in frozen tensors; null for nothing.</param>
    /// <returns><c>[B, Q, H]</c>.</returns>
    public Tensor Forward(Tensor querying, Tensor hidden, Attention attend, WeightChanges? changes, Dropout? dropout)
    {
        var (q, k, v) = projection.Project(querying, hidden, changes);
        var attended = _output.Forward(AttentionProjection.Join(attend(q, k, v)), changes).Drop(dropout);
        return _norm.Forward(attended.AddInPlace(querying), changes); // In place: the backward pass needs neither summand.
    }
}

/// <summary>A transformer layer that normalises after each residual sum (Vaswani et al. 2017), as in BERT and its relatives.</summary>
internal sealed class PostNormLayer(
    AttentionProjection projection, FrozenTensors tensors, PostNormOutputNames names, BackboneConfiguration configuration)
{
    private readonly PostNormAttention _attention = new(projection, tensors, names.AttentionOutput, names.AttentionNorm, configuration);
    private readonly FrozenLinear _intermediate = FrozenLinear.Of(tensors, names.Intermediate);
    private readonly FrozenLinear _output = FrozenLinear.Of(tensors, names.Output);
    private readonly FrozenLayerNorm _outputNorm = FrozenLayerNorm.Of(tensors, names.OutputNorm, configuration.LayerNormEpsilon);

    public PostNormLayer(FrozenTensors tensors, PostNormLayerNames names, BackboneConfiguration configuration)
        : this(new SeparateProjection(tensors, names.Query, names.Key, names.Value, configuration.Heads), tensors, names, configuration)
    {
    }

    /// <summary>The tensors of one layer.</summary>
    public static IEnumerable<TensorDeclaration> Declare(PostNormLayerNames names, BackboneConfiguration configuration)
    {
        var hidden = configuration.HiddenSize;
        return
        [
            .. TensorDeclaration.Linear(names.Query, hidden, hidden),
            .. TensorDeclaration.Linear(names.Key, hidden, hidden),
            .. TensorDeclaration.Linear(names.Value, hidden, hidden),
            .. DeclareOutput(names, configuration),
        ];
    }

    /// <summary>The tensors of one layer that follow its attention.</summary>
    public static IEnumerable<TensorDeclaration> DeclareOutput(PostNormOutputNames names, BackboneConfiguration configuration)
    {
        var (hidden, feedForward) = (configuration.HiddenSize, configuration.FeedForwardSize);
        return
        [
            .. TensorDeclaration.Linear(names.AttentionOutput, hidden, hidden),
            .. TensorDeclaration.LayerNorm(names.AttentionNorm, hidden),
            .. TensorDeclaration.Linear(names.Intermediate, hidden, feedForward),
            .. TensorDeclaration.Linear(names.Output, feedForward, hidden),
            .. TensorDeclaration.LayerNorm(names.OutputNorm, hidden),
        ];
    }

    /// <param name="hidden">The layer's input, <c>[B, T, H]</c>.</param>
    /// <param name="sentenceTokenOnly">Whether the first token alone sends a query.</param>
    /// <inheritdoc cref="Forward(Tensor, Tensor, Attention, WeightChanges, Dropout)"/>
    /// <returns>The layer's output, <c>[B, T, H]</c>, or <c>[B, 1, H]</c>.</returns>
    public Tensor Forward(Tensor hidden, Attention attend, WeightChanges? changes, Dropout? dropout, bool sentenceTokenOnly) =>
        Forward(sentenceTokenOnly ? hidden.narrow(1, 0, 1) : hidden, hidden, attend, changes, dropout);

    /// <param name="querying">The tokens that send queries, <c>[B, Q, H]</c>.</param>
    /// <param name="hidden">The tokens that keys and values come from, <c>[B, T, H]</c>.</param>
    /// <param name="changes">What a method changes in frozen tensors; null for nothing.</param>
    /// <returns><c>[B, Q, H]</c>.</returns>
    public Tensor Forward(Tensor querying, Tensor hidden, Attention attend, WeightChanges? changes, Dropout? dropout)
    {
        using var scope = NewDisposeScope();
        var attended = _attention.Forward(querying, hidden, attend, changes, dropout);
        var transformed = _output.Forward(_intermediate.Forward(attended, configuration.Activation, changes), changes).Drop(dropout);
        return _outputNorm.Forward(transformed.AddInPlace(attended), changes).MoveToOuterDisposeScope();
    }
}
