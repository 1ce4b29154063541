using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Heads;

/// <summary>The language model's own head, over the text that should be written. Nothing is trained.</summary>
/// <remarks>It gives two numbers per token, not a score per word of the vocabulary, which would not fit into memory.</remarks>
internal sealed class LanguageModelHead : TaskHead
{
    /// <summary>What it gives per token: the log-probability of the right token, and whether it is the most probable one (1 or 0).</summary>
    public const int LogProbability = 0, IsRight = 1, Width = 2;

    /// <summary>Tokens that are scored against the whole vocabulary at once.</summary>
    private const int TokensAtOnce = 1024;

    public override bool ReadsSentenceTokenOnly => false;

    public override bool IsPerToken => true;

    public override IReadOnlyList<HeadTensor> Declare(Backbone backbone) => [];

    /// <returns><c>[B, U, 2]</c>; 0 at padding.</returns>
    public override Tensor Forward(Backbone backbone, Tensor hidden, EncodedBatch batch, TrainedTensors tensors, Tuning tuning, Dropout? dropout)
    {
        var next = batch.NextIds ?? throw new InvalidOperationException("The batch does not say which tokens should be written.");
        var flat = next.view(-1);
        var real = flat.IsNatural().nonzero().squeeze(1);                                                                     // [N]
        var labels = flat.index_select(0, real).unsqueeze(1);                                                              // [N, 1]
        var states = hidden.reshape(-1, hidden.size(2)).index_select(0, real);                                             // [N, H]
        var judged = states.split(TokensAtOnce).Zip(labels.split(TokensAtOnce), (own, right) => Judge(backbone, own, right, tuning)).ToArray();
        var outputs = zeros(flat.size(0), Width, judged[0].dtype, judged[0].device).index_copy(0, real, cat(judged, 0));
        return outputs.view(next.size(0), next.size(1), Width);
    }

    /// <returns><c>[N, 2]</c>.</returns>
    private static Tensor Judge(Backbone backbone, Tensor states, Tensor labels, Tuning tuning)
    {
        using var scope = NewDisposeScope();
        var logits = backbone.LanguageHead!.Forward(states, tuning.Weights);                                               // [N, vocabulary]
        var logs = nn.functional.log_softmax(logits, 1).gather(1, labels);                                                 // [N, 1]
        var isRight = logits.detach().argmax(1, keepdim: true).eq(labels).to(logs.dtype);
        return cat([logs, isRight], 1).MoveToOuterDisposeScope();
    }
}
