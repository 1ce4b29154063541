using Microsoft.ML.PTuning.Checkpoints;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>ALBERT (Lan et al. 2020): small embeddings, projected, and one layer that is run L times; each run has a prefix of its own.</summary>
internal sealed class AlbertBackbone(BackboneConfiguration configuration, FrozenTensors tensors) : PostNormBackbone(configuration, tensors, Names)
{
    private const string Layer = "encoder.albert_layer_groups.0.albert_layers.0";

    private static PostNormNames Names { get; } = BertBackbone.Names with
    {
        EmbeddingsProjection = "encoder.embedding_hidden_mapping_in",
        Layer = _ => new(
            Query: $"{Layer}.attention.query",
            Key: $"{Layer}.attention.key",
            Value: $"{Layer}.attention.value",
            AttentionOutput: $"{Layer}.attention.dense",
            AttentionNorm: $"{Layer}.attention.LayerNorm",
            Intermediate: $"{Layer}.ffn",
            Output: $"{Layer}.ffn_output",
            OutputNorm: $"{Layer}.full_layer_layer_norm"),
        Pooler = "pooler",
    };

    public static BackboneFamily Family { get; } = new()
    {
        ModelType = "albert",
        Keys = new("albert.") { Heads = ["predictions.", "sop_classifier."] },
        LanguageHead = new()
        {
            Dense = "predictions.dense",
            Norm = "predictions.LayerNorm",
            Bias = "predictions.bias",
            Decoder = "predictions.decoder.weight",
        },
        SentenceHead = new("albert.pooler", "classifier"),
        Linear = (_, i) => Names.Layer(i).Linear,
        DefaultPadTokenId = 0,
        Read = Read,
        Declare = configuration => Declare(Names, configuration),
        Create = (configuration, tensors) => new AlbertBackbone(configuration, tensors),
    };

    private static BackboneConfiguration Read(ConfigurationFile file)
    {
        RequireOne(file, "num_hidden_groups");
        RequireOne(file, "inner_group_num");
        return BackboneConfiguration.ReadAsBert(file, Family) with { EmbeddingSize = file.Integer("embedding_size", minimum: 1) };
    }

    /// <summary>Every published ALBERT shares one layer; groups of layers are refused.</summary>
    private static void RequireOne(ConfigurationFile file, string key)
    {
        if (file.Integer(key, minimum: 1, fallback: 1) is > 1 and var count)
            file.Fault($"{key} is {count}, expected 1: one layer that all share");
    }
}
