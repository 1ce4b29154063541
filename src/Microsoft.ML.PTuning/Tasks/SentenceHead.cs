using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Prompts;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>One vector for the whole text, then a linear layer.</summary>
/// <remarks>
/// Where the checkpoint's own pooler is not used, a dense layer before the linear one is trained and saved;
/// a random frozen pooler, which the official code would use for RoBERTa, never is.
/// </remarks>
/// <param name="outputs">Numbers per row, K.</param>
/// <param name="pooling">
/// As training chose it. Files written before it was an option say <see cref="Pooling.Automatic"/>: then the checkpoint's pooler where there is
/// one, else a trained one.
/// </param>
internal sealed class SentenceHead(int outputs, Pooling pooling) : TaskHead
{
    private const string Weight = "head.weight", Bias = "head.bias", PoolerWeight = "pooler.weight", PoolerBias = "pooler.bias";

    public override bool ReadsFirstTokenOnly => pooling != Pooling.Mean;

    public override IReadOnlyList<HeadTensor> Declare(Backbone backbone)
    {
        var hidden = backbone.Configuration.HiddenSize;
        HeadTensor[] linear = [new(Weight, IsBias: false, outputs, hidden), new(Bias, IsBias: true, outputs)];
        return IsFrozen(backbone) ? linear : [.. linear, new(PoolerWeight, IsBias: false, hidden, hidden), new(PoolerBias, IsBias: true, hidden)];
    }

    /// <returns>Logits, <c>[B, K]</c>.</returns>
    public override Tensor Forward(Backbone backbone, Tensor hidden, Tensor? mask, TrainedTensors tensors, Dropout? dropout)
    {
        var pooled = IsFrozen(backbone) ? backbone.Pool(hidden) : Pool(backbone, hidden, mask, tensors, dropout); // [B, H]
        return nn.functional.linear(pooled.Drop(dropout), tensors[Weight], tensors[Bias]);
    }

    private bool IsFrozen(Backbone backbone) => pooling == Pooling.Checkpoint || (pooling == Pooling.Automatic && backbone.HasPooler);

    private Tensor Pool(Backbone backbone, Tensor hidden, Tensor? mask, TrainedTensors tensors, Dropout? dropout)
    {
        var vector = pooling == Pooling.Mean ? Mean(hidden, mask) : hidden.select(1, 0);                          // [B, H]
        return backbone.PoolerActivation(nn.functional.linear(vector.Drop(dropout), tensors[PoolerWeight], tensors[PoolerBias]));
    }

    private static Tensor Mean(Tensor hidden, Tensor? mask) =>
        mask is null ? hidden.mean([1]) : mask.unsqueeze(1).bmm(hidden).squeeze(1).div(mask.sum(1, keepdim: true));  // [B, H]
}
