using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Heads;

/// <summary>The log-probability of the words that fill a text's gap, token after token (Du et al. 2022). Nothing is trained.</summary>
/// <remarks>A sequence per filling, which the batch names in <see cref="EncodedBatch.NextIds"/>.</remarks>
internal sealed class FillingHead : TaskHead
{
    private readonly LanguageModelHead _tokens = new();

    public override bool ReadsSentenceTokenOnly => false;

    public override bool IsPerToken => false;

    public override IReadOnlyList<HeadTensor> Declare(Backbone backbone) => [];

    /// <returns><c>[S, 1]</c>.</returns>
    public override Tensor Forward(Backbone backbone, Tensor hidden, EncodedBatch batch, TrainedTensors tensors, Tuning tuning, Dropout? dropout) =>
        _tokens.Forward(backbone, hidden, batch, tensors, tuning, dropout).select(2, LanguageModelHead.LogProbability).sum(1, keepdim: true);
}
