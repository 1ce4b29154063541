using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Prompts;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>One vector for the whole text, then a linear layer.</summary>
/// <remarks>
/// The vector comes from the checkpoint's own pooler, frozen, where it has one. Where it has none (RoBERTa was never trained with one),
/// a dense layer over the first token is trained and saved; a random frozen pooler, as the official code would use, never is.
/// </remarks>
/// <param name="outputs">Numbers a row, K.</param>
internal sealed class SentenceHead(int outputs) : TaskHead
{
    private const string Weight = "head.weight", Bias = "head.bias", PoolerWeight = "pooler.weight", PoolerBias = "pooler.bias";

    public override bool ReadsFirstTokenOnly => true;

    public override IReadOnlyList<HeadTensor> Declare(Backbone backbone)
    {
        var hidden = backbone.Configuration.HiddenSize;
        HeadTensor[] linear = [new(Weight, IsBias: false, outputs, hidden), new(Bias, IsBias: true, outputs)];
        return backbone.HasPooler ? linear : [.. linear, new(PoolerWeight, IsBias: false, hidden, hidden), new(PoolerBias, IsBias: true, hidden)];
    }

    /// <returns>Logits, <c>[B, K]</c>.</returns>
    public override Tensor Forward(Backbone backbone, Tensor hidden, TrainedTensors tensors, Dropout? dropout)
    {
        var pooled = backbone.HasPooler ? backbone.Pool(hidden) : Pool(backbone, hidden, tensors, dropout); // [B, H]
        return nn.functional.linear(pooled.Drop(dropout), tensors[Weight], tensors[Bias]);
    }

    private static Tensor Pool(Backbone backbone, Tensor hidden, TrainedTensors tensors, Dropout? dropout)
    {
        var first = hidden.select(1, 0).Drop(dropout); // [B, H]
        return backbone.PoolerActivation(nn.functional.linear(first, tensors[PoolerWeight], tensors[PoolerBias]));
    }
}
