using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>A frozen encoder under a method.</summary>
/// <remarks>Stateless, like the encoder: what is trained is handed in. Any number of threads may share one.</remarks>
internal sealed class PromptedEncoder(Backbone backbone, Method method)
{
    public Backbone Backbone { get; } = backbone;

    public Method Method { get; } = method;

    /// <summary>Positions that the method takes from the text.</summary>
    public int ReservedPositions => Method.ReservedPositions;

    /// <summary>Layers from the bottom that the method never changes. With the embeddings they are the trunk.</summary>
    public int TrunkLayers { get; } = method.FirstTunedLayer(backbone);

    private int Layers => Backbone.Configuration.Layers;

    /// <summary>Embeddings and trunk, where the batch does not bring their output.</summary>
    /// <returns>Hidden states that enter the first tuned layer, of the encoder's type, <c>[B, T, H]</c>.</returns>
    public Tensor RunTrunk(EncodedBatch batch, Dropout? dropout = null)
    {
        using var scope = NewDisposeScope();
        if (batch.Entering is { } known)
            return known.to(Backbone.ElementType).MoveToOuterDisposeScope();

        var embedded = Backbone.Embed(batch, ReservedPositions, dropout);
        return Backbone.RunLayers(embedded, batch, prefixes: null, 0, TrunkLayers, dropout).MoveToOuterDisposeScope();
    }

    /// <summary>The layers that the method changes.</summary>
    /// <param name="entering">What <see cref="RunTrunk"/> gave, <c>[B, T, H]</c>.</param>
    /// <param name="tuning">What the method changes for this batch.</param>
    /// <param name="dropout">Dropout inside the encoder; null for none.</param>
    /// <inheritdoc cref="Forward"/>
    public Tensor RunTuned(Tensor entering, EncodedBatch batch, Tuning tuning, Dropout? dropout, bool firstTokenOnly)
    {
        using var scope = NewDisposeScope();
        var output = Backbone.RunLayers(entering, batch, tuning.Prefixes, TrunkLayers, Layers, dropout, firstTokenOnly);
        return output.ToTrainedType().MoveToOuterDisposeScope();
    }

    /// <summary><see cref="RunTuned"/> for training with less memory. What it keeps belongs to the current dispose scope.</summary>
    /// <inheritdoc cref="RunTuned"/>
    /// <returns>The layers, which have run forward, and wait for the gradient of their output.</returns>
    public RecomputedLayers RunTunedToRecompute(Tensor entering, EncodedBatch batch, Tuning tuning, Dropout? dropout, bool firstTokenOnly) =>
        new(Backbone.OpenLayers(batch, dropout), entering, tuning.Prefixes ?? new LayerPrefix?[Layers], TrunkLayers, dropout, firstTokenOnly);

    /// <param name="tensors">The trained tensors of the method.</param>
    /// <param name="methodDropout">Dropout on what the method adds; null when not training.</param>
    /// <param name="backboneDropout">Dropout inside the encoder; null for none.</param>
    /// <param name="firstTokenOnly">Whether only the first token's state is read; in the last layer the other tokens then send no queries.</param>
    /// <returns>
    /// Hidden states of the text, F32 <c>[B, T, H]</c>; a prefix has none of its own. With <paramref name="firstTokenOnly"/>, the first token's alone,
    /// <c>[B, 1, H]</c>, unless no layer is tuned.
    /// </returns>
    public Tensor Forward(
        EncodedBatch batch, TrainedTensors tensors, Dropout? methodDropout = null, Dropout? backboneDropout = null, bool firstTokenOnly = false)
    {
        using var scope = NewDisposeScope();
        var entering = RunTrunk(batch, backboneDropout);
        var tuning = Method.Tune(Backbone, tensors, batch.Rows, methodDropout);
        return RunTuned(entering, batch, tuning, backboneDropout, firstTokenOnly).MoveToOuterDisposeScope();
    }
}
