using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Heads;

/// <summary>A trained tensor of a head.</summary>
/// <param name="Name">The name under which it is saved.</param>
/// <param name="IsBias">Biases start at 0, weights at N(0, 0.02).</param>
internal sealed record HeadTensor(string Name, bool IsBias, params long[] Shape)
{
    /// <summary>Names of the last linear layer, <c>[K, H]</c> and <c>[K]</c>.</summary>
    public const string Weight = "head.weight", Bias = "head.bias";

    /// <summary>Names of a trained pooler, <c>[H, H]</c> and <c>[H]</c>.</summary>
    public const string PoolerWeight = "pooler.weight", PoolerBias = "pooler.bias";
}

/// <summary>The small trained layer between hidden states and a task's outputs. Stateless: the caller passes its tensors.</summary>
internal abstract class TaskHead
{
    /// <summary>Whether it reads only the hidden state of the backbone's <see cref="Backbone.SentenceToken"/>; the others are then not computed.</summary>
    public abstract bool ReadsSentenceTokenOnly { get; }

    /// <summary>Whether it gives outputs for every token, <c>[S, T, K]</c>; otherwise one row of outputs per sequence, <c>[S, K]</c>.</summary>
    public abstract bool IsPerToken { get; }

    /// <summary>The tensors it needs over <paramref name="backbone"/>.</summary>
    public abstract IReadOnlyList<HeadTensor> Declare(Backbone backbone);

    /// <param name="hidden">Hidden states, <c>[B, T, H]</c>, or those of the sentence token, <c>[B, 1, H]</c> (<see cref="ReadsSentenceTokenOnly"/>).</param>
    /// <param name="batch">The rows: which tokens are padding, and where the mask token stands.</param>
    /// <param name="tuning">What the method changes for this batch; that may include the checkpoint's pooler.</param>
    /// <param name="dropout">Null when not training.</param>
    /// <returns>A row of outputs for each row of the batch, <c>[B, ...]</c>.</returns>
    public abstract Tensor Forward(Backbone backbone, Tensor hidden, EncodedBatch batch, TrainedTensors tensors, Tuning tuning, Dropout? dropout);
}
