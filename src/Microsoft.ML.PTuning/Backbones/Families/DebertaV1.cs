using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>DeBERTa's first version (He et al. 2021): one projection for queries, keys and values; keys have no bias.</summary>
internal sealed class DebertaV1 : DebertaVersion
{
    private static readonly DebertaV1 Version = new();

    public static BackboneFamily Family { get; } = new()
    {
        ModelType = "deberta",
        Keys = DebertaBackbone.Keys,
        SentenceHead = DebertaBackbone.SentenceHead,
        Linear = (_, i) => DebertaBackbone.Names(i).LinearOf(Fused(i), Fused(i), Fused(i)),
        DefaultPadTokenId = 0,
        Read = file => DebertaConfiguration.Read(file, Family!),
        Declare = configuration => DebertaBackbone.Declare(Version, (DebertaConfiguration)configuration),
        Create = (configuration, tensors) => new DebertaBackbone(Version, (DebertaConfiguration)configuration, tensors),
    };

    public override IEnumerable<TensorDeclaration> Declare(int layer, DebertaConfiguration configuration)
    {
        var (attention, hidden) = (Attention(layer), configuration.HiddenSize);
        yield return new($"{attention}.q_bias", [hidden]);
        yield return new($"{attention}.v_bias", [hidden]);
        yield return new($"{Fused(layer)}.weight", [3 * hidden, hidden]);
        if (configuration.HasContentToPosition)
            yield return new($"{attention}.pos_proj.weight", [hidden, hidden]);
        if (!configuration.HasPositionToContent)
            yield break;
        foreach (var declaration in TensorDeclaration.Linear($"{attention}.pos_q_proj", hidden, hidden))
            yield return declaration;
    }

    public override AttentionProjection Content(FrozenTensors tensors, int layer, DebertaConfiguration configuration) =>
        new FusedProjection(tensors, layer, configuration.Heads);

    public override FrozenLinear PositionKeys(FrozenTensors tensors, int layer, DebertaConfiguration configuration) =>
        FrozenLinear.WithoutBias(tensors, $"{Attention(layer)}.pos_proj");

    public override FrozenLinear PositionQueries(FrozenTensors tensors, int layer, DebertaConfiguration configuration) =>
        FrozenLinear.Of(tensors, $"{Attention(layer)}.pos_q_proj");

    private static string Fused(int layer) => $"{Attention(layer)}.in_proj";

    private sealed class FusedProjection(FrozenTensors tensors, int layer, int heads) : AttentionProjection(heads)
    {
        private readonly FrozenLinear _projection = FrozenLinear.WithoutBias(tensors, Fused(layer));
        private readonly Tensor _queryBias = tensors[$"{Attention(layer)}.q_bias"]; // [H]
        private readonly Tensor _valueBias = tensors[$"{Attention(layer)}.v_bias"]; // [H]

        /// <remarks>The values of a prefix are added later, without a bias. One product gives all three, so all tokens get queries.</remarks>
        public override (Tensor Q, Tensor K, Tensor V) Project(Tensor querying, Tensor hidden, WeightChanges? changes)
        {
            var parts = Split(_projection.Forward(hidden, changes)).chunk(3, -1);     // 3 of [B, h, T, D]: each head has its queries, keys and values together
            return (
                parts[0].narrow(2, 0, querying.size(1)).Plus(ByHead(_queryBias.Under(changes))), parts[1],
                parts[2].Plus(ByHead(_valueBias.Under(changes))));
        }

        private Tensor ByHead(Tensor bias) => Split(bias.view(1, 1, -1));     // [1, h, 1, D]
    }
}
