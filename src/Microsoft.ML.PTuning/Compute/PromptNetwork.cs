using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Compute;

/// <summary>The dropout of training: on what the method adds, before the head, and inside the encoder.</summary>
internal sealed record TrainingDropout(Dropout Method, Dropout Head, Dropout? Backbone);

/// <summary>Encoder, method and head: what training and scoring have in common. Stateless: the caller passes the trained tensors.</summary>
internal sealed record PromptNetwork(PromptedEncoder Encoder, TaskHead Head)
{
    /// <param name="dropout">Null when not training.</param>
    /// <returns>The head's outputs, <c>[B, ...]</c>.</returns>
    public Tensor Forward(EncodedBatch batch, TrainedTensors tensors, TrainingDropout? dropout = null)
    {
        var tuning = Encoder.Method.Tune(Encoder.Backbone, tensors, batch.Rows, dropout?.Method);
        var hidden = Encoder.Forward(batch, tuning, dropout?.Backbone, Head.ReadsSentenceTokenOnly);
        return Head.Forward(Encoder.Backbone, hidden, batch.Mask, tensors, tuning, dropout?.Head);
    }

    /// <summary><see cref="Forward"/> for training with less memory. What it stores belongs to the current dispose scope.</summary>
    /// <param name="layers">The layers; their backward pass must follow that of the loss.</param>
    /// <inheritdoc cref="Forward"/>
    public Tensor ForwardToRecompute(EncodedBatch batch, TrainedTensors tensors, TrainingDropout dropout, out RecomputedLayers layers)
    {
        var tuning = Encoder.Method.Tune(Encoder.Backbone, tensors, batch.Rows, dropout.Method);
        var trunkOutput = Encoder.RunTrunk(batch, tuning, dropout.Backbone);
        layers = Encoder.RunTunedToRecompute(trunkOutput, batch, tuning, dropout.Backbone, Head.ReadsSentenceTokenOnly);
        return Head.Forward(Encoder.Backbone, layers.Output, batch.Mask, tensors, tuning, dropout.Head);
    }
}
