using Microsoft.ML.PTuning.Checkpoints;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>ELECTRA (Clark et al. 2020): BERT with an embedding size of its own, without a pooler.</summary>
internal sealed class ElectraBackbone(BackboneConfiguration configuration, FrozenTensors tensors)
    : PostNormBackbone(configuration, tensors, NamesOf(configuration))
{
    public static BackboneFamily Family { get; } = new()
    {
        ModelType = "electra",
        Keys = new("electra.") { Heads = ["discriminator_predictions.", "generator_predictions.", "generator_lm_head."] },
        LanguageHead = new()
        {
            Dense = "generator_predictions.dense",
            Norm = "generator_predictions.LayerNorm",
            Activation = "gelu",
            Bias = "generator_lm_head.bias",
            Decoder = "generator_lm_head.weight",
        },
        TakesPrefix = true,
        Linear = (_, i) => BertBackbone.Names.Layer(i).Linear,
        DefaultPadTokenId = 0,
        Read = file => BackboneConfiguration.ReadAsBert(file, Family!) with { EmbeddingSize = file.Integer("embedding_size", minimum: 1) },
        Declare = configuration => Declare(NamesOf(configuration), configuration),
        Create = (configuration, tensors) => new ElectraBackbone(configuration, tensors),
    };

    /// <summary>Embeddings are projected only where the sizes differ.</summary>
    private static PostNormNames NamesOf(BackboneConfiguration configuration) => BertBackbone.Names with
    {
        EmbeddingsProjection = configuration.EmbeddingSize == configuration.HiddenSize ? null : "embeddings_project",
        Pooler = null,
    };
}
