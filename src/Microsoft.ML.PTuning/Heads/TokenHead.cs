using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Heads;

/// <summary>A linear layer over every token: tags, starts and ends of answers.</summary>
/// <param name="outputs">Numbers per token, K.</param>
/// <param name="drops">Whether training applies dropout to the hidden states.</param>
internal sealed class TokenHead(int outputs, bool drops) : TaskHead
{
    public override bool ReadsSentenceTokenOnly => false;

    public override bool IsPerToken => true;

    public override IReadOnlyList<HeadTensor> Declare(Backbone backbone) =>
        [new(HeadTensor.Weight, IsBias: false, outputs, backbone.Configuration.HiddenSize), new(HeadTensor.Bias, IsBias: true, outputs)];

    /// <returns>Logits, <c>[S, T, K]</c>.</returns>
    public override Tensor Forward(Backbone backbone, Tensor hidden, EncodedBatch batch, TrainedTensors tensors, Tuning tuning, Dropout? dropout) =>
        nn.functional.linear(drops ? hidden.Drop(dropout) : hidden, tensors[HeadTensor.Weight], tensors[HeadTensor.Bias]);
}
