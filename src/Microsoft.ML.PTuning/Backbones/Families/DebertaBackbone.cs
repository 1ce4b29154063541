using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>What tells the versions of DeBERTa apart: the projections of their attention.</summary>
internal abstract class DebertaVersion
{
    /// <summary>The tensors of a layer's projections.</summary>
    public abstract IEnumerable<TensorDeclaration> Declare(int layer, DebertaConfiguration configuration);

    public abstract AttentionProjection Content(FrozenTensors tensors, int layer, DebertaConfiguration configuration);

    /// <summary>Makes keys of the relative embeddings.</summary>
    public abstract FrozenLinear PositionKeys(FrozenTensors tensors, int layer, DebertaConfiguration configuration);

    /// <summary>Makes queries of the relative embeddings.</summary>
    public abstract FrozenLinear PositionQueries(FrozenTensors tensors, int layer, DebertaConfiguration configuration);

    /// <summary>The prefix of the names of a layer's attention projections.</summary>
    protected static string Attention(int layer) => $"encoder.layer.{layer}.attention.self";
}

/// <summary>DeBERTa (He et al. 2021, 2023): BERT's layers with <see cref="DisentangledAttention"/>.</summary>
/// <remarks>Checkpoints have no pooler. Padding is set to 0 in the embeddings, in the context and after the convolution, as in transformers.</remarks>
internal sealed class DebertaBackbone : Backbone
{
    private const string Words = "embeddings.word_embeddings", Positions = "embeddings.position_embeddings";
    private const string Segments = "embeddings.token_type_embeddings";
    private const string EmbeddingProjection = "embeddings.embed_proj", EmbeddingsNorm = "embeddings.LayerNorm";
    private const string Relative = "encoder.rel_embeddings", RelativeNorm = "encoder.LayerNorm";

    private readonly DebertaConfiguration _configuration;
    private readonly FrozenEmbedding _words;
    private readonly FrozenEmbedding? _positions, _segments;
    private readonly FrozenLinear? _embeddingProjection;
    private readonly FrozenLayerNorm _embeddingsNorm;
    private readonly FrozenLayerNorm? _relativeNorm;
    private readonly Tensor _relative;                     // [2R, H]
    private readonly PostNormLayer[] _layers;
    private readonly DisentangledAttention[] _attentions;
    private readonly FirstLayerConvolution? _convolution;

    /// <summary>The pooler in these files belongs to a classifier, which transformers saves beside the encoder.</summary>
    public static SentenceHeadNames SentenceHead { get; } = new("pooler.dense", "classifier");

    public static CheckpointNames Keys { get; } = new("deberta.") { Heads = ["cls.", "lm_head.", "lm_predictions.", "mask_predictions.", "pooler."] };

    /// <param name="tensors">What <see cref="Declare"/> lists; the backbone owns them from here on.</param>
    public DebertaBackbone(DebertaVersion version, DebertaConfiguration configuration, FrozenTensors tensors)
        : base(configuration, tensors)
    {
        _configuration = configuration;
        _words = FrozenEmbedding.Of(tensors, Words);
        _positions = configuration.AddsAbsolutePositions ? FrozenEmbedding.Of(tensors, Positions) : null;
        _segments = configuration.SegmentTypes > 0 ? FrozenEmbedding.Of(tensors, Segments) : null;
        if (configuration.EmbeddingSize != configuration.HiddenSize)
            _embeddingProjection = FrozenLinear.WithoutBias(tensors, EmbeddingProjection);
        _embeddingsNorm = FrozenLayerNorm.Of(tensors, EmbeddingsNorm, configuration.LayerNormEpsilon);
        _convolution = configuration.Convolution is { } convolution ? new(tensors, configuration, convolution) : null;
        PoolerActivation = Activation.Named(configuration.PoolerActivation);

        using var scope = NewDisposeScope();
        using var ordinary = inference_mode(false);
        _relativeNorm = configuration.NormalizesRelativeEmbeddings ? FrozenLayerNorm.Of(tensors, RelativeNorm, configuration.LayerNormEpsilon) : null;
        var relative = RelativeEmbeddings(changes: null);
        var layers = Enumerable.Range(0, configuration.Layers);
        _layers = [.. layers.Select(i => new PostNormLayer(version.Content(tensors, i, configuration), tensors, Names(i), configuration))];
        _attentions = [.. layers.Select(i => new DisentangledAttention(
            relative,
            configuration.HasContentToPosition ? version.PositionKeys(tensors, i, configuration) : null,
            configuration.HasPositionToContent ? version.PositionQueries(tensors, i, configuration) : null,
            configuration))];

        // Last: if something throws before this line, the scope frees these tensors.
        foreach (var attention in _attentions)
            attention.Keep();
        _relative = relative.DetachFromDisposeScope();
    }

    /// <summary>The number that it was trained with. Relative positions themselves have no limit.</summary>
    public override int MaxPositions => Configuration.MaxPositionEmbeddings;

    public override bool HasPooler => false;

    public override Func<Tensor, Tensor> PoolerActivation { get; }

    /// <summary>The tensors of an encoder.</summary>
    public static IReadOnlyList<TensorDeclaration> Declare(DebertaVersion version, DebertaConfiguration configuration)
    {
        var (hidden, embedded) = (configuration.HiddenSize, configuration.EmbeddingSize);
        return
        [
            new($"{Words}.weight", [configuration.VocabularySize, embedded]),

            // Published checkpoints hold this table for the decoder of their language model; the encoder does not read it.
            new($"{Positions}.weight", [configuration.MaxPositionEmbeddings, embedded], Optional: !configuration.AddsAbsolutePositions),
            .. configuration.SegmentTypes > 0 ? [new($"{Segments}.weight", [configuration.SegmentTypes, embedded])] : None,
            .. embedded != hidden ? [new($"{EmbeddingProjection}.weight", [hidden, embedded])] : None,
            .. TensorDeclaration.LayerNorm(EmbeddingsNorm, hidden),
            .. Enumerable.Range(0, configuration.Layers).SelectMany(
                i => version.Declare(i, configuration).Concat(PostNormLayer.DeclareOutput(Names(i), configuration))),
            new($"{Relative}.weight", [2 * configuration.RelativeSpan, hidden]),
            .. configuration.NormalizesRelativeEmbeddings ? TensorDeclaration.LayerNorm(RelativeNorm, hidden) : None,
            .. configuration.Convolution is { } convolution ? FirstLayerConvolution.Declare(convolution, hidden) : None,
        ];
    }

    /// <exception cref="ArgumentException">Prefix and tokens together need more positions than there are.</exception>
    public override Tensor Embed(EncodedBatch batch, int positionOffset, Tuning? tuning = null, Dropout? dropout = null)
    {
        RequirePositions(batch, positionOffset);

        using var scope = NewDisposeScope();
        var changes = tuning?.Weights;
        var sum = InputPrompts.EmbedTokens(_words, batch, tuning);                                                  // [B, T, E]
        if (_positions is { } positions)
            sum = sum.Plus(positions.Forward(Arithmetic.Range(positionOffset, positionOffset + batch.Length, batch.Ids.device), changes));
        if (_segments is { } segments)
            sum = sum.Plus(segments.OfSegments(batch, changes));

        var hidden = _embeddingsNorm.Forward(_embeddingProjection?.Forward(sum, changes) ?? sum, changes);          // [B, T, H]
        return hidden.Masked(batch.Mask?.unsqueeze(-1)).Drop(dropout).MoveToOuterDisposeScope();
    }

    public override void Dispose()
    {
        foreach (var attention in _attentions)
            attention.Dispose();
        _relative.Dispose();
        base.Dispose();
    }

    public override LayerRun OpenLayers(EncodedBatch batch, Tuning tuning, Dropout? dropout)
    {
        var positions = RelativePositions.Of(batch.Length, _configuration, batch.Ids.device);
        var mask = new AttentionMask(batch, ElementType).For(prefixLength: 0);
        var real = batch.Mask?.unsqueeze(-1);                                                                       // [B, T, 1]
        var realQueries = real?.unsqueeze(1);                                                                       // [B, 1, T, 1]
        var changes = tuning.Weights;
        return (layer, hidden, sentenceTokenOnly) =>
        {
            using var scope = NewDisposeScope();
            var attention = _attentions[layer];
            var changedTable = changes is null ? null : RelativeEmbeddings(changes); // In each layer, because recomputed layers have a backward pass each.
            var window = attention.Window(positions, changedTable, changes, dropout);
            var output = _layers[layer].Forward(hidden, Attend, changes, dropout, sentenceTokenOnly);
            if (layer == 0 && _convolution is not null)
                output = _convolution.Forward(hidden, output, real, changes, dropout);
            return output.MoveToOuterDisposeScope();

            Tensor Attend(Tensor q, Tensor k, Tensor v)
            {
                tuning.OnKeysAndValues?.Invoke(layer, k, v);
                return attention.Attend(q, k, v, tuning.Prefixes?[layer], window, mask, dropout, tuning.ObserverOf(layer))
                    .Masked(realQueries?.narrow(2, 0, q.size(2)));
            }
        };
    }

    private static IEnumerable<TensorDeclaration> None => [];

    /// <summary>The names of a layer's modules that follow its attention.</summary>
    public static PostNormOutputNames Names(int layer) => new(
        AttentionOutput: $"encoder.layer.{layer}.attention.output.dense",
        AttentionNorm: $"encoder.layer.{layer}.attention.output.LayerNorm",
        Intermediate: $"encoder.layer.{layer}.intermediate.dense",
        Output: $"encoder.layer.{layer}.output.dense",
        OutputNorm: $"encoder.layer.{layer}.output.LayerNorm");

    /// <returns><c>[2R, H]</c>.</returns>
    private Tensor RelativeEmbeddings(WeightChanges? changes)
    {
        var table = Tensors[$"{Relative}.weight"].Under(changes);
        return _relativeNorm?.Forward(table, changes) ?? table.alias();
    }
}
