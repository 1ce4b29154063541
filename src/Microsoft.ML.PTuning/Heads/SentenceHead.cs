using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Heads;

/// <summary>One vector for the whole text, then a linear layer.</summary>
/// <remarks>
/// The vector is the checkpoint's frozen pooler over the sentence token, a dense layer over it that is trained and saved with the head, or the mean
/// over the tokens. A random frozen pooler, which the official code would use for RoBERTa, is never used.
/// </remarks>
/// <param name="outputs">Numbers per row, K.</param>
/// <param name="pooling">
/// The pooling that training chose. Older files say <see cref="Pooling.Automatic"/>, which here means the checkpoint's pooler, or a trained one where
/// there is none.
/// </param>
internal sealed class SentenceHead(int outputs, Pooling pooling) : TaskHead
{
    /// <summary>Length of the mean. From length 1, which sentence encoders give, a head learns slowly (docs/pooling.md).</summary>
    private const double MeanLength = 8;

    public override bool ReadsSentenceTokenOnly => pooling != Pooling.Mean;

    public override bool IsPerToken => false;

    public override IReadOnlyList<HeadTensor> Declare(Backbone backbone)
    {
        var hidden = backbone.Configuration.HiddenSize;
        HeadTensor[] linear = [new(HeadTensor.Weight, IsBias: false, outputs, hidden), new(HeadTensor.Bias, IsBias: true, outputs)];
        return PoolingOver(backbone) != Pooling.Trained
            ? linear
            : [.. linear, new(HeadTensor.PoolerWeight, IsBias: false, hidden, hidden), new(HeadTensor.PoolerBias, IsBias: true, hidden)];
    }

    /// <returns>Logits, <c>[B, K]</c>.</returns>
    public override Tensor Forward(Backbone backbone, Tensor hidden, EncodedBatch batch, TrainedTensors tensors, Tuning tuning, Dropout? dropout)
    {
        var vector = PoolingOver(backbone) switch                                                                          // [B, H]
        {
            Pooling.Checkpoint => backbone.Pool(hidden, batch.StatesMask, tuning),
            Pooling.Mean => MeanPooling.Pool(hidden, batch.StatesMask).Times(MeanLength),
            _ => Dense(backbone, backbone.SentenceStates(hidden, batch.StatesMask).Drop(dropout), tensors),
        };
        return nn.functional.linear(vector.Drop(dropout), tensors[HeadTensor.Weight], tensors[HeadTensor.Bias]);
    }

    /// <summary>The pooling that the head uses over an encoder; never <see cref="Pooling.Automatic"/>.</summary>
    public Pooling PoolingOver(Backbone backbone) =>
        pooling != Pooling.Automatic ? pooling : backbone.HasPooler ? Pooling.Checkpoint : Pooling.Trained;

    private static Tensor Dense(Backbone backbone, Tensor states, TrainedTensors tensors) =>
        backbone.PoolerActivation(nn.functional.linear(states, tensors[HeadTensor.PoolerWeight], tensors[HeadTensor.PoolerBias]));
}
