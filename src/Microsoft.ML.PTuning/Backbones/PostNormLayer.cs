using Microsoft.ML.PTuning.Backbones.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>What a family calls the modules of a <see cref="PostNormLayer"/>, as its checkpoint's keys spell them.</summary>
internal sealed record PostNormLayerNames(
    string Query, string Key, string Value, string AttentionOutput, string AttentionNorm, string Intermediate, string Output, string OutputNorm);

/// <summary>A transformer layer that normalises after each residual sum (Vaswani et al. 2017), as BERT and its relatives stack them.</summary>
internal sealed class PostNormLayer(FrozenTensors tensors, PostNormLayerNames names, BackboneConfiguration configuration)
{
    private readonly FrozenLinear _query = FrozenLinear.Of(tensors, names.Query);
    private readonly FrozenLinear _key = FrozenLinear.Of(tensors, names.Key);
    private readonly FrozenLinear _value = FrozenLinear.Of(tensors, names.Value);
    private readonly FrozenLinear _attentionOutput = FrozenLinear.Of(tensors, names.AttentionOutput);
    private readonly FrozenLayerNorm _attentionNorm = FrozenLayerNorm.Of(tensors, names.AttentionNorm, configuration.LayerNormEpsilon);
    private readonly FrozenLinear _intermediate = FrozenLinear.Of(tensors, names.Intermediate);
    private readonly FrozenLinear _output = FrozenLinear.Of(tensors, names.Output);
    private readonly FrozenLayerNorm _outputNorm = FrozenLayerNorm.Of(tensors, names.OutputNorm, configuration.LayerNormEpsilon);
    private readonly Func<Tensor, Tensor> _activation = Activation.Named(configuration.Activation);
    private readonly int _heads = configuration.Heads;

    /// <summary>The tensors of one layer.</summary>
    public static IEnumerable<TensorDeclaration> Declare(PostNormLayerNames names, BackboneConfiguration configuration)
    {
        var (hidden, feedForward) = (configuration.HiddenSize, configuration.FeedForwardSize);
        return
        [
            .. TensorDeclaration.Linear(names.Query, hidden, hidden),
            .. TensorDeclaration.Linear(names.Key, hidden, hidden),
            .. TensorDeclaration.Linear(names.Value, hidden, hidden),
            .. TensorDeclaration.Linear(names.AttentionOutput, hidden, hidden),
            .. TensorDeclaration.LayerNorm(names.AttentionNorm, hidden),
            .. TensorDeclaration.Linear(names.Intermediate, hidden, feedForward),
            .. TensorDeclaration.Linear(names.Output, feedForward, hidden),
            .. TensorDeclaration.LayerNorm(names.OutputNorm, hidden),
        ];
    }

    /// <param name="hidden">What enters the layer, <c>[B, T, H]</c>.</param>
    /// <param name="mask">As <see cref="PrefixedAttention.Attend"/> takes it.</param>
    /// <returns>What leaves it, <c>[B, T, H]</c>.</returns>
    public Tensor Forward(Tensor hidden, LayerPrefix? prefix, Tensor? mask, Dropout? dropout)
    {
        using var scope = NewDisposeScope();
        var context = PrefixedAttention.Attend(
            Split(_query.Forward(hidden)), Split(_key.Forward(hidden)), Split(_value.Forward(hidden)), prefix, mask, dropout);
        var attended = _attentionOutput.Forward(Join(context)).Drop(dropout);
        hidden = _attentionNorm.Forward(attended.Plus(hidden));

        var transformed = _output.Forward(_activation(_intermediate.Forward(hidden))).Drop(dropout);
        return _outputNorm.Forward(transformed.Plus(hidden)).MoveToOuterDisposeScope();
    }

    private Tensor Split(Tensor x) => x.view(x.size(0), x.size(1), _heads, -1).transpose(1, 2);           // [B, h, T, D]

    private static Tensor Join(Tensor x) => x.transpose(1, 2).reshape(x.size(0), x.size(2), -1);          // [B, T, H]
}
