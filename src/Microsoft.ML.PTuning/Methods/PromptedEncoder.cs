using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>A frozen encoder under a method.</summary>
/// <remarks>Stateless, like the encoder: the caller passes the trained tensors. Any number of threads may share one.</remarks>
internal sealed class PromptedEncoder(Backbone backbone, TuningMethod method)
{
    public Backbone Backbone { get; } = backbone;

    public TuningMethod Method { get; } = method;

    /// <summary>Positions that the method takes before those of the text.</summary>
    public int ReservedPositions => Method.ReservedPositions;

    /// <summary>The number of layers, from the bottom, that the method never changes. With the embeddings they are the trunk.</summary>
    public int TrunkLayers { get; } = method.FirstTunedLayer(backbone);

    private int Layers => Backbone.Configuration.Layers;

    /// <summary>Runs the embeddings and the trunk, or takes their output from the batch where it is cached.</summary>
    /// <param name="tuning">What the method changes for this batch; in the trunk, the embeddings at most.</param>
    /// <returns>The input of the first tuned layer, of the encoder's type, <c>[B, T, H]</c>.</returns>
    public Tensor RunTrunk(EncodedBatch batch, Tuning? tuning = null, Dropout? dropout = null)
    {
        using var scope = NewDisposeScope();
        if (batch.TrunkOutput is { } cached)
            return cached.to(Backbone.ElementType).MoveToOuterDisposeScope();

        var embedded = Backbone.Embed(batch, ReservedPositions, tuning, dropout);
        return Backbone.RunLayers(embedded, batch, Tuning.None, 0, TrunkLayers, dropout).MoveToOuterDisposeScope();
    }

    /// <summary>Runs the layers that the method changes.</summary>
    /// <param name="trunkOutput">The result of <see cref="RunTrunk"/>, <c>[B, T, H]</c>.</param>
    /// <param name="tuning">What the method changes for this batch.</param>
    /// <param name="dropout">Dropout inside the encoder; null for none.</param>
    /// <inheritdoc cref="Forward"/>
    public Tensor RunTuned(Tensor trunkOutput, EncodedBatch batch, Tuning tuning, Dropout? dropout, bool sentenceTokenOnly)
    {
        using var scope = NewDisposeScope();
        var output = Backbone.RunLayers(trunkOutput, batch, tuning, TrunkLayers, Layers, dropout, sentenceTokenOnly);
        return output.ToTrainedType().MoveToOuterDisposeScope();
    }

    /// <summary><see cref="RunTuned"/> for training with less memory. What it stores belongs to the current dispose scope.</summary>
    /// <inheritdoc cref="RunTuned"/>
    /// <returns>The layers after their forward pass, ready for the backward pass.</returns>
    public RecomputedLayers RunTunedToRecompute(Tensor trunkOutput, EncodedBatch batch, Tuning tuning, Dropout? dropout, bool sentenceTokenOnly)
    {
        var run = InputPrompts.AddDeltas(Backbone.OpenLayers(batch, tuning, dropout), batch, tuning);
        return new(Run, trunkOutput, TrunkLayers..Layers, dropout, sentenceTokenOnly);

        Tensor Run(int layer, Tensor hidden, bool tokenOnly)
        {
            batch.BetweenLayers?.Invoke();
            return run(layer, hidden, tokenOnly);
        }
    }

    /// <param name="tuning">What the method changes for this batch.</param>
    /// <param name="dropout">Dropout inside the encoder; null for none.</param>
    /// <param name="sentenceTokenOnly">
    /// Whether only the state of the backbone's <see cref="Backbone.SentenceToken"/> is read; in the last layer the other tokens then send no queries.
    /// </param>
    /// <returns>
    /// Hidden states of the text, F32 <c>[B, T, H]</c>; a prefix has none. With <paramref name="sentenceTokenOnly"/> those of that token,
    /// <c>[B, 1, H]</c>, unless no layer is tuned.
    /// </returns>
    public Tensor Forward(EncodedBatch batch, Tuning tuning, Dropout? dropout = null, bool sentenceTokenOnly = false)
    {
        using var scope = NewDisposeScope();
        var trunkOutput = RunTrunk(batch, tuning, dropout);
        return RunTuned(trunkOutput, batch, tuning, dropout, sentenceTokenOnly).MoveToOuterDisposeScope();
    }
}
