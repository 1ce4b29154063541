using Microsoft.ML.PTuning.Backbones.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>What a family calls its modules, as its checkpoint's keys spell them.</summary>
internal sealed record PostNormNames
{
    public required string WordEmbeddings { get; init; }

    public required string PositionEmbeddings { get; init; }

    public required string SegmentEmbeddings { get; init; }

    public required string EmbeddingsNorm { get; init; }

    /// <summary>The names of the layer with a given index.</summary>
    public required Func<int, PostNormLayerNames> Layer { get; init; }

    public required string Pooler { get; init; }
}

/// <summary>Embeddings summed and normalised, a stack of <see cref="PostNormLayer"/>s, a pooler where the checkpoint has one.</summary>
/// <remarks>A family gives its names, and says where its tokens stand.</remarks>
internal abstract class PostNormBackbone : Backbone
{
    private readonly FrozenTensors _tensors;
    private readonly Tensor _words;                         // [vocabulary, H]
    private readonly Tensor _positions;                     // [positions, H]
    private readonly Tensor _segments;                      // [segment types, H]
    private readonly FrozenLayerNorm _embeddingsNorm;
    private readonly PostNormLayer[] _layers;
    private readonly FrozenLinear? _pooler;

    /// <param name="tensors">What <see cref="Declare"/> lists; the backbone owns it from here on.</param>
    protected PostNormBackbone(BackboneConfiguration configuration, FrozenTensors tensors, PostNormNames names)
        : base(configuration)
    {
        _tensors = tensors;
        _words = tensors[$"{names.WordEmbeddings}.weight"];
        _positions = tensors[$"{names.PositionEmbeddings}.weight"];
        _segments = tensors[$"{names.SegmentEmbeddings}.weight"];
        _embeddingsNorm = FrozenLayerNorm.Of(tensors, names.EmbeddingsNorm, configuration.LayerNormEpsilon);
        _layers = [.. Enumerable.Range(0, configuration.Layers).Select(i => new PostNormLayer(tensors, names.Layer(i), configuration))];
        _pooler = tensors.Has($"{names.Pooler}.weight") ? FrozenLinear.Of(tensors, names.Pooler) : null;
    }

    public sealed override long ParameterCount => _tensors.ElementCount;

    public sealed override bool HasPooler => _pooler is not null;

    /// <summary>The tensors of an encoder with these names.</summary>
    public static IReadOnlyList<TensorDeclaration> Declare(PostNormNames names, BackboneConfiguration configuration)
    {
        var hidden = configuration.HiddenSize;
        return
        [
            new($"{names.WordEmbeddings}.weight", [configuration.VocabularySize, hidden]),
            new($"{names.PositionEmbeddings}.weight", [configuration.MaxPositionEmbeddings, hidden]),
            new($"{names.SegmentEmbeddings}.weight", [configuration.SegmentTypes, hidden]),
            .. TensorDeclaration.LayerNorm(names.EmbeddingsNorm, hidden),
            .. Enumerable.Range(0, configuration.Layers).SelectMany(i => PostNormLayer.Declare(names.Layer(i), configuration)),
            .. TensorDeclaration.Linear(names.Pooler, hidden, hidden, optional: true),
        ];
    }

    /// <exception cref="ArgumentException">Prefix and tokens together need more positions than there are.</exception>
    public sealed override Tensor Embed(EncodedBatch batch, int positionOffset, Dropout? dropout = null)
    {
        if (positionOffset + batch.Length > MaxPositions)
        {
            throw new ArgumentException(
                $"{positionOffset} prefix positions and {batch.Length} tokens need {positionOffset + batch.Length} positions, "
                + $"but this {Configuration.ModelType} backbone has {MaxPositions}. Shorten the prefix or the texts.", nameof(batch));
        }

        using var scope = NewDisposeScope();
        var sum = Rows(_words, batch.Ids).Plus(SegmentVectors(batch)).Plus(Rows(_positions, Positions(batch, positionOffset)));
        var hidden = _embeddingsNorm.Forward(sum);
        return hidden.Drop(dropout).MoveToOuterDisposeScope();
    }

    public sealed override Tensor Pool(Tensor hidden)
    {
        if (_pooler is not { } pooler)
            throw new InvalidOperationException($"This {Configuration.ModelType} checkpoint brought no pooler; train one with the head.");

        using var scope = NewDisposeScope();
        return pooler.Forward(hidden.select(1, 0)).tanh().MoveToOuterDisposeScope();
    }

    public sealed override void Dispose() => _tensors.Dispose();

    protected sealed override LayerRun OpenLayers(EncodedBatch batch, Dropout? dropout)
    {
        var mask = new AttentionMask(batch);
        return (layer, hidden, prefix) => _layers[layer].Forward(hidden, prefix, mask.For(prefix?.Length ?? 0), dropout);
    }

    /// <summary>Where the tokens stand: rows of the position table.</summary>
    /// <param name="offset">What is added to each token's position.</param>
    /// <returns>Int64, <c>[T]</c> where it is the same for every row, else <c>[B, T]</c>.</returns>
    protected abstract Tensor Positions(EncodedBatch batch, int offset);

    /// <summary>Families with one segment type look at no segment ids.</summary>
    private Tensor SegmentVectors(EncodedBatch batch) => Configuration.SegmentTypes == 1 ? _segments : Rows(_segments, batch.Segments);

    /// <returns>The table's row for each index, <c>[..., H]</c>.</returns>
    private static Tensor Rows(Tensor table, Tensor indices) =>
        table.index_select(0, indices.view(-1)).view([.. indices.shape, table.size(1)]);
}
