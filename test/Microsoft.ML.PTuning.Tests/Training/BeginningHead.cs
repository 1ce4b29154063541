using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>
/// The head of a language model that also foresees the first token that the decoder reads, from the text's last, as ChatGLM's own code learns it.
/// </summary>
internal sealed class BeginningHead : TaskHead
{
    private readonly LanguageModelHead _head = new();

    public override bool ReadsSentenceTokenOnly => false;

    public override bool IsPerToken => true;

    public override IReadOnlyList<HeadTensor> Declare(Backbone backbone) => [];

    /// <returns><c>[B, 1 + U, 2]</c>.</returns>
    public override Tensor Forward(Backbone backbone, Tensor hidden, EncodedBatch batch, TrainedTensors tensors, Tuning tuning, Dropout? dropout)
    {
        var text = batch with { DecoderIds = null, DecoderMask = null };
        var last = backbone.SentenceStates(backbone.Forward(text, tuning), batch.Mask).unsqueeze(1);                        // [B, 1, H]
        var first = _head.Forward(backbone, last, batch with { NextIds = batch.DecoderIds!.narrow(1, 0, 1) }, tensors, tuning, dropout);
        return cat([first, _head.Forward(backbone, hidden, batch, tensors, tuning, dropout)], 1);
    }
}
