using Microsoft.ML.PTuning.Checkpoints;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>BERT (Devlin et al. 2019) and what is trained in its shape: MiniLM, TinyBERT, the miniatures of Turc et al. 2019.</summary>
internal sealed class BertBackbone(BackboneConfiguration configuration, FrozenTensors tensors) : PostNormBackbone(configuration, tensors, Names)
{
    /// <summary>BERT's names, which its closest relatives keep.</summary>
    public static PostNormNames Names { get; } = new()
    {
        WordEmbeddings = "embeddings.word_embeddings",
        PositionEmbeddings = "embeddings.position_embeddings",
        SegmentEmbeddings = "embeddings.token_type_embeddings",
        EmbeddingsNorm = "embeddings.LayerNorm",
        Layer = i => new(
            Query: $"encoder.layer.{i}.attention.self.query",
            Key: $"encoder.layer.{i}.attention.self.key",
            Value: $"encoder.layer.{i}.attention.self.value",
            AttentionOutput: $"encoder.layer.{i}.attention.output.dense",
            AttentionNorm: $"encoder.layer.{i}.attention.output.LayerNorm",
            Intermediate: $"encoder.layer.{i}.intermediate.dense",
            Output: $"encoder.layer.{i}.output.dense",
            OutputNorm: $"encoder.layer.{i}.output.LayerNorm"),
        Pooler = "pooler.dense",
    };

    public static BackboneFamily Family { get; } = new()
    {
        ModelType = "bert",
        Keys = new("bert.") { Heads = ["cls."] },
        LanguageHead = new()
        {
            Dense = "cls.predictions.transform.dense",
            Norm = "cls.predictions.transform.LayerNorm",
            Bias = "cls.predictions.bias",
            Decoder = "cls.predictions.decoder.weight",
        },
        SentenceHead = new("bert.pooler.dense", "classifier"),
        TakesPrefix = true,
        Linear = (_, i) => Names.Layer(i).Linear,
        DefaultPadTokenId = 0,
        Read = file => BackboneConfiguration.ReadAsBert(file, Family!),
        Declare = configuration => Declare(Names, configuration),
        Create = (configuration, tensors) => new BertBackbone(configuration, tensors),
    };
}
