using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Explaining;

/// <summary>Another encoder, which it does not own, that can be given other vectors for the tokens.</summary>
internal sealed class GivenVectors(Backbone inner) : Backbone(inner.Configuration, inner.Tensors)
{
    /// <summary>The vectors of a batch, <c>[B, T, E]</c>; null for those of the words.</summary>
    public Func<EncodedBatch, Tensor>? Of { get; set; }

    public override int MaxPositions => inner.MaxPositions;

    public override bool HasPooler => inner.HasPooler;

    public override Tensor Embed(EncodedBatch batch, int positionOffset, Tuning? tuning = null, Dropout? dropout = null) =>
        inner.Embed(Of is null ? batch : batch with { TokenVectors = Of(batch) }, positionOffset, tuning, dropout);

    public override LayerRun OpenLayers(EncodedBatch batch, Tuning tuning, Dropout? dropout) => inner.OpenLayers(batch, tuning, dropout);

    public override Tensor Pool(Tensor hidden, Tensor? mask = null, Tuning? tuning = null) => inner.Pool(hidden, mask, tuning);

    public override void Dispose() => inner.Dispose();
}

/// <summary>Word vectors as hidden states and their mean as the pooler: a head over it is linear in them.</summary>
internal sealed class LinearBackbone(Backbone inner) : Backbone(inner.Configuration, inner.Tensors)
{
    public override int MaxPositions => inner.MaxPositions;

    public override bool HasPooler => true;

    public override Tensor Embed(EncodedBatch batch, int positionOffset, Tuning? tuning = null, Dropout? dropout = null) =>
        InputPrompts.EmbedTokens(new FrozenEmbedding(WordEmbeddings), batch, tuning).alias();

    public override LayerRun OpenLayers(EncodedBatch batch, Tuning tuning, Dropout? dropout) => (_, hidden, _) => hidden.alias();

    public override Tensor Pool(Tensor hidden, Tensor? mask = null, Tuning? tuning = null) => hidden.mean([1]);

    public override void Dispose() => inner.Dispose();
}
