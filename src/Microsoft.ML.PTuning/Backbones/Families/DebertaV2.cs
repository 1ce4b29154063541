using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>DeBERTa's second and third versions (He et al. 2021, 2023): projections of queries, keys and values, which positions may share.</summary>
internal sealed class DebertaV2 : DebertaVersion
{
    private static readonly DebertaV2 Version = new();

    public static BackboneFamily Family { get; } = new()
    {
        ModelType = "deberta-v2",
        Keys = DebertaBackbone.Keys,
        SentenceHead = DebertaBackbone.SentenceHead,
        Linear = (_, i) => DebertaBackbone.Names(i).LinearOf(Query(i), Key(i), Value(i)),
        DefaultPadTokenId = 0,
        Read = file => DebertaConfiguration.ReadV2(file, Family!),
        Declare = configuration => DebertaBackbone.Declare(Version, (DebertaConfiguration)configuration),
        Create = (configuration, tensors) => new DebertaBackbone(Version, (DebertaConfiguration)configuration, tensors),
    };

    public override IEnumerable<TensorDeclaration> Declare(int layer, DebertaConfiguration configuration)
    {
        var hidden = configuration.HiddenSize;
        List<string> modules = [Query(layer), Key(layer), Value(layer)];
        if (configuration.HasContentToPosition && !configuration.SharesProjections)
            modules.Add($"{Attention(layer)}.pos_key_proj");
        if (configuration.HasPositionToContent && !configuration.SharesProjections)
            modules.Add($"{Attention(layer)}.pos_query_proj");
        return modules.SelectMany(module => TensorDeclaration.Linear(module, hidden, hidden));
    }

    public override AttentionProjection Content(FrozenTensors tensors, int layer, DebertaConfiguration configuration) =>
        new SeparateProjection(tensors, Query(layer), Key(layer), Value(layer), configuration.Heads);

    public override FrozenLinear PositionKeys(FrozenTensors tensors, int layer, DebertaConfiguration configuration) =>
        FrozenLinear.Of(tensors, configuration.SharesProjections ? Key(layer) : $"{Attention(layer)}.pos_key_proj");

    public override FrozenLinear PositionQueries(FrozenTensors tensors, int layer, DebertaConfiguration configuration) =>
        FrozenLinear.Of(tensors, configuration.SharesProjections ? Query(layer) : $"{Attention(layer)}.pos_query_proj");

    private static string Query(int layer) => $"{Attention(layer)}.query_proj";

    private static string Key(int layer) => $"{Attention(layer)}.key_proj";

    private static string Value(int layer) => $"{Attention(layer)}.value_proj";
}
