using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>DistilBERT (Sanh et al. 2019): BERT's layers under other names, without segments and without a pooler.</summary>
internal sealed class DistilBertBackbone(BackboneConfiguration configuration, FrozenTensors tensors)
    : PostNormBackbone(configuration, tensors, Names)
{
    private static PostNormNames Names { get; } = new()
    {
        WordEmbeddings = "embeddings.word_embeddings",
        PositionEmbeddings = "embeddings.position_embeddings",
        EmbeddingsNorm = "embeddings.LayerNorm",
        Layer = i => new(
            Query: $"transformer.layer.{i}.attention.q_lin",
            Key: $"transformer.layer.{i}.attention.k_lin",
            Value: $"transformer.layer.{i}.attention.v_lin",
            AttentionOutput: $"transformer.layer.{i}.attention.out_lin",
            AttentionNorm: $"transformer.layer.{i}.sa_layer_norm",
            Intermediate: $"transformer.layer.{i}.ffn.lin1",
            Output: $"transformer.layer.{i}.ffn.lin2",
            OutputNorm: $"transformer.layer.{i}.output_layer_norm"),
    };

    public static BackboneFamily Family { get; } = new()
    {
        ModelType = "distilbert",
        Keys = new("distilbert.") { Heads = ["vocab_transform.", "vocab_layer_norm.", "vocab_projector.", "pre_classifier."] },
        LanguageHead = new()
        {
            Dense = "vocab_transform",
            Norm = "vocab_layer_norm",
            Bias = "vocab_projector.bias",
            Decoder = "vocab_projector.weight",
        },
        Linear = (_, i) => Names.Layer(i).Linear,
        DefaultPadTokenId = 0,
        Read = Read,
        Declare = configuration => Declare(Names, configuration),
        Create = (configuration, tensors) => new DistilBertBackbone(configuration, tensors),
    };

    /// <summary>Sinusoidal positions are saved with the weights like learned ones; the epsilon is no setting.</summary>
    private static BackboneConfiguration Read(ConfigurationFile file)
    {
        var hidden = file.Integer("dim", minimum: 1);
        return new()
        {
            ModelType = Family.ModelType,
            VocabularySize = file.Integer("vocab_size", minimum: 1),
            HiddenSize = hidden,
            EmbeddingSize = hidden,
            Layers = file.Layers("n_layers"),
            Heads = file.Integer("n_heads", minimum: 1),
            FeedForwardSize = file.Integer("hidden_dim", minimum: 1),
            Activation = file.Word("activation", Activation.Names),
            MaxPositionEmbeddings = file.Integer("max_position_embeddings", minimum: 1),
            SegmentTypes = 0,
            LayerNormEpsilon = 1e-12,
            PadTokenId = file.Integer("pad_token_id", minimum: 0, fallback: Family.DefaultPadTokenId),
            StatesPadToken = file.Has("pad_token_id"),
        };
    }
}
