using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Layers;

/// <summary>A transformer layer that normalises before attention and feed-forward, as in GPT-2 and later decoders.</summary>
internal sealed record PreNormLayer
{
    public required FrozenLayerNorm AttentionNorm { get; init; }

    public required AttentionProjection Projection { get; init; }

    public required FrozenLinear AttentionOutput { get; init; }

    public required FrozenLayerNorm FeedForwardNorm { get; init; }

    public required FrozenLinear Intermediate { get; init; }

    public required FrozenLinear Output { get; init; }

    public required Func<Tensor, Tensor> Activation { get; init; }

    /// <summary>
    /// The factor of the normalised input where that is added to what attention and feed-forward give, as in ChatGLM; null where the input itself is.
    /// </summary>
    public double? NormalizedResidual { get; init; }

    /// <param name="hidden">The layer's input, <c>[B, T, H]</c>.</param>
    /// <param name="select">Selects the tokens that send queries, <c>[B, Q, H]</c> of <c>[B, T, H]</c>; null for all.</param>
    /// <param name="changes">What a method changes in frozen tensors; null for nothing.</param>
    /// <returns>The layer's output, <c>[B, T, H]</c> or <c>[B, Q, H]</c>.</returns>
    public Tensor Forward(Tensor hidden, Attention attend, Func<Tensor, Tensor>? select, WeightChanges? changes, Dropout? dropout)
    {
        using var scope = NewDisposeScope();
        var normalized = AttentionNorm.Forward(hidden, changes);
        var querying = select?.Invoke(normalized) ?? normalized;
        var (q, k, v) = Projection.Project(querying, normalized, changes);
        var attended = AttentionOutput.Forward(AttentionProjection.Join(attend(q, k, v)), changes).Drop(dropout)
            .AddInPlace(Residual(querying, select?.Invoke(hidden) ?? hidden)); // In place: the backward pass needs neither summand.

        var input = FeedForwardNorm.Forward(attended, changes);
        var transformed = Activation(Intermediate.Forward(input, changes));
        return Output.Forward(transformed, changes).Drop(dropout).AddInPlace(Residual(input, attended)).MoveToOuterDisposeScope();
    }

    private Tensor Residual(Tensor normalized, Tensor input) => NormalizedResidual is { } factor ? normalized.Times(factor) : input;
}
