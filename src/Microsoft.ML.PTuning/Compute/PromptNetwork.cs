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
    /// <param name="changeTokenVectors">As in <see cref="Tuning.ChangeTokenVectors"/>.</param>
    /// <returns>The head's outputs, <c>[B, ...]</c>.</returns>
    public Tensor Forward(
        EncodedBatch batch, TrainedTensors tensors, TrainingDropout? dropout = null, Func<Tensor, Tensor>? changeTokenVectors = null)
    {
        var (backbone, method) = (Encoder.Backbone, Encoder.Method);
        batch = AddDecoder(batch);
        var arranged = method.Arrange(batch, backbone);
        var tuning = method.Tune(backbone, tensors, arranged.Read.Rows, dropout?.Method);
        if (changeTokenVectors is not null)
            tuning = tuning with { ChangeTokenVectors = changeTokenVectors };
        var hidden = Encoder.Forward(arranged.Read, tuning, dropout?.Backbone, ReadsSentenceTokenOnly(arranged));
        return Output(hidden, arranged, batch, tensors, tuning, dropout?.Head);
    }

    /// <summary><see cref="Forward"/> for training with less memory. What it stores belongs to the current dispose scope.</summary>
    /// <param name="layers">The layers; their backward pass must follow that of the loss.</param>
    /// <inheritdoc cref="Forward"/>
    public Tensor ForwardToRecompute(EncodedBatch batch, TrainedTensors tensors, TrainingDropout dropout, out RecomputedLayers layers)
    {
        var (backbone, method) = (Encoder.Backbone, Encoder.Method);
        batch = AddDecoder(batch);
        var arranged = method.Arrange(batch, backbone);
        var tuning = method.Tune(backbone, tensors, arranged.Read.Rows, dropout.Method);
        var trunkOutput = Encoder.RunTrunk(arranged.Read, tuning, dropout.Backbone);
        layers = Encoder.RunTunedToRecompute(trunkOutput, arranged.Read, tuning, dropout.Backbone, ReadsSentenceTokenOnly(arranged));
        return Output(layers.Output, arranged, batch, tensors, tuning, dropout.Head);
    }

    /// <summary>The outputs of the rows from the encoder's states.</summary>
    /// <param name="hidden">The states of what the encoder read, <c>[Copies · B, ...]</c>.</param>
    public Tensor Output(
        Tensor hidden, ArrangedBatch arranged, EncodedBatch batch, TrainedTensors tensors, Tuning tuning, Dropout? dropout = null)
    {
        var outputs = Head.Forward(Encoder.Backbone, arranged.TextStates(hidden), arranged.Text, tensors, tuning, dropout);
        return Encoder.Method.Combine(outputs, batch, Encoder.Backbone, tensors);
    }

    /// <inheritdoc cref="Backbone.AddDecoder"/>
    public EncodedBatch AddDecoder(EncodedBatch batch) =>
        batch.DecoderIds is null ? Encoder.Backbone.AddDecoder(batch, Head.IsPerToken) : batch;

    private bool ReadsSentenceTokenOnly(ArrangedBatch arranged) => Head.ReadsSentenceTokenOnly && arranged.AllowsSentenceTokenOnly;
}
