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
        DefaultPadTokenId = 0,
        Read = file => DebertaConfiguration.ReadV2(file, Family!),
        Declare = configuration => DebertaBackbone.Declare(Version, (DebertaConfiguration)configuration),
        Create = (configuration, tensors) => new DebertaBackbone(Version, (DebertaConfiguration)configuration, tensors),
    };

    public override IEnumerable<TensorDeclaration> Declare(int layer, DebertaConfiguration configuration)
    {
        var hidden = configuration.HiddenSize;
        List<string> modules = ["query_proj", "key_proj", "value_proj"];
        if (configuration.HasContentToPosition && !configuration.SharesProjections)
            modules.Add("pos_key_proj");
        if (configuration.HasPositionToContent && !configuration.SharesProjections)
            modules.Add("pos_query_proj");
        return modules.SelectMany(module => TensorDeclaration.Linear($"{Attention(layer)}.{module}", hidden, hidden));
    }

    public override AttentionProjection Content(FrozenTensors tensors, int layer, DebertaConfiguration configuration) => new SeparateProjection(
        tensors, $"{Attention(layer)}.query_proj", $"{Attention(layer)}.key_proj", $"{Attention(layer)}.value_proj", configuration.Heads);

    public override FrozenLinear PositionKeys(FrozenTensors tensors, int layer, DebertaConfiguration configuration) =>
        FrozenLinear.Of(tensors, $"{Attention(layer)}.{(configuration.SharesProjections ? "key_proj" : "pos_key_proj")}");

    public override FrozenLinear PositionQueries(FrozenTensors tensors, int layer, DebertaConfiguration configuration) =>
        FrozenLinear.Of(tensors, $"{Attention(layer)}.{(configuration.SharesProjections ? "query_proj" : "pos_query_proj")}");
}
