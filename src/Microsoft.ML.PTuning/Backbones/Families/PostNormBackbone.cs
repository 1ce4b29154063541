using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>What a family calls its modules, as its checkpoint's keys spell them.</summary>
internal sealed record PostNormNames
{
    public required string WordEmbeddings { get; init; }

    public required string PositionEmbeddings { get; init; }

    /// <summary>Null where the family has no segments.</summary>
    public string? SegmentEmbeddings { get; init; }

    public required string EmbeddingsNorm { get; init; }

    /// <summary>The linear layer from the embeddings' size to that of the layers; null where there is none.</summary>
    public string? EmbeddingsProjection { get; init; }

    /// <summary>The names of the layer with a given index; layers with the same names are one shared layer.</summary>
    public required Func<int, PostNormLayerNames> Layer { get; init; }

    /// <summary>Null where the family has none.</summary>
    public string? Pooler { get; init; }
}

/// <summary>Embeddings summed and normalised, a stack of <see cref="PostNormLayer"/>s, a pooler where the checkpoint has one.</summary>
/// <remarks>A family gives its names, and its tokens' positions where they are not 0, 1, 2, ...</remarks>
internal abstract class PostNormBackbone : Backbone
{
    private readonly FrozenEmbedding _words;                // [vocabulary, E]
    private readonly FrozenEmbedding _positions;            // [positions, E]
    private readonly FrozenEmbedding? _segments;            // [segment types, E]
    private readonly FrozenLayerNorm _embeddingsNorm;
    private readonly FrozenLinear? _projection;             // E to H
    private readonly PostNormLayer[] _layers;
    private readonly FrozenLinear? _pooler;

    /// <param name="tensors">What <see cref="Declare"/> lists; the backbone owns them from here on.</param>
    protected PostNormBackbone(BackboneConfiguration configuration, FrozenTensors tensors, PostNormNames names)
        : base(configuration, tensors)
    {
        _words = FrozenEmbedding.Of(tensors, names.WordEmbeddings);
        _positions = FrozenEmbedding.Of(tensors, names.PositionEmbeddings);
        _segments = names.SegmentEmbeddings is { } segments ? FrozenEmbedding.Of(tensors, segments) : null;
        _embeddingsNorm = FrozenLayerNorm.Of(tensors, names.EmbeddingsNorm, configuration.LayerNormEpsilon);
        _projection = names.EmbeddingsProjection is { } projection ? FrozenLinear.Of(tensors, projection) : null;
        _layers = [.. Enumerable.Range(0, configuration.Layers).Select(i => new PostNormLayer(tensors, names.Layer(i), configuration))];
        _pooler = names.Pooler is { } pooler && tensors.Has($"{pooler}.weight") ? FrozenLinear.Of(tensors, pooler) : null;
    }

    public override int MaxPositions => Configuration.MaxPositionEmbeddings;

    public sealed override bool HasPooler => _pooler is not null;

    /// <summary>The tensors of an encoder with these names.</summary>
    public static IReadOnlyList<TensorDeclaration> Declare(PostNormNames names, BackboneConfiguration configuration)
    {
        var (embedding, hidden) = (configuration.EmbeddingSize, configuration.HiddenSize);
        List<TensorDeclaration> declared =
        [
            new($"{names.WordEmbeddings}.weight", [configuration.VocabularySize, embedding]),
            new($"{names.PositionEmbeddings}.weight", [configuration.MaxPositionEmbeddings, embedding]),
        ];
        if (names.SegmentEmbeddings is { } segments)
            declared.Add(new($"{segments}.weight", [configuration.SegmentTypes, embedding]));
        declared.AddRange(TensorDeclaration.LayerNorm(names.EmbeddingsNorm, embedding));
        if (names.EmbeddingsProjection is { } projection)
            declared.AddRange(TensorDeclaration.Linear(projection, embedding, hidden));

        var layers = Enumerable.Range(0, configuration.Layers).Select(names.Layer).Distinct();
        declared.AddRange(layers.SelectMany(layer => PostNormLayer.Declare(layer, configuration)));
        if (names.Pooler is { } pooler)
            declared.AddRange(TensorDeclaration.Linear(pooler, hidden, hidden, optional: true));
        return declared;
    }

    /// <exception cref="ArgumentException">Prefix and tokens together need more positions than there are.</exception>
    public sealed override Tensor Embed(EncodedBatch batch, int positionOffset, Tuning? tuning = null, Dropout? dropout = null)
    {
        RequirePositions(batch, positionOffset);

        using var scope = NewDisposeScope();
        var changes = tuning?.Weights;
        var sum = InputPrompts.EmbedTokens(_words, batch, tuning);
        if (_segments is { } segments)
            sum = sum.Plus(segments.OfSegments(batch, changes));
        sum = sum.Plus(_positions.Forward(Positions(batch, positionOffset), changes));

        var embedded = _embeddingsNorm.Forward(sum, changes).Drop(dropout);                    // [B, T, E]
        return (_projection?.Forward(embedded, changes) ?? embedded).MoveToOuterDisposeScope();
    }

    public sealed override Tensor Pool(Tensor hidden, Tensor? mask = null, Tuning? tuning = null)
    {
        if (_pooler is not { } pooler)
            return base.Pool(hidden, mask, tuning);

        using var scope = NewDisposeScope();
        var states = SentenceStates(hidden, mask).to(ElementType);                             // [B, H]
        return pooler.Forward(states, tuning?.Weights).tanh().to(hidden.dtype).MoveToOuterDisposeScope();
    }

    public sealed override LayerRun OpenLayers(EncodedBatch batch, Tuning tuning, Dropout? dropout)
    {
        var mask = new AttentionMask(batch, ElementType);
        return (layer, hidden, sentenceTokenOnly) =>
        {
            var prefix = tuning.Prefixes?[layer];
            var visible = mask.For(prefix); // Made here, because the mask outlives the layer's scope.
            return _layers[layer].Forward(hidden, Attend, tuning.Weights, dropout, sentenceTokenOnly);

            Tensor Attend(Tensor q, Tensor k, Tensor v)
            {
                tuning.OnKeysAndValues?.Invoke(layer, k, v);
                return PrefixedAttention.Attend(q, k, v, prefix, visible, dropout, tuning.ObserverOf(layer));
            }
        };
    }

    /// <summary>The tokens' rows of the position table. By default token t has position offset + t.</summary>
    /// <param name="offset">What is added to each token's position.</param>
    /// <returns>Int64, <c>[T]</c> where it is the same for every row, else <c>[B, T]</c>.</returns>
    protected virtual Tensor Positions(EncodedBatch batch, int offset) => Arithmetic.Range(offset, offset + batch.Length, batch.Ids.device);
}
