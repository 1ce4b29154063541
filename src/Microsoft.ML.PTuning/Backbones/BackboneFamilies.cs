using Microsoft.ML.PTuning.Backbones.Families;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;

namespace Microsoft.ML.PTuning.Backbones;

/// <summary>A family of encoders, as loading needs it.</summary>
internal sealed record BackboneFamily
{
    /// <summary>The family's <c>model_type</c> in <c>config.json</c>.</summary>
    public required string ModelType { get; init; }

    /// <summary>The prefix of its checkpoints' keys, and what they hold beside the encoder.</summary>
    public required CheckpointNames Keys { get; init; }

    /// <summary>The modules of the language model's head in full checkpoints; null where none can be read.</summary>
    public LanguageHeadNames? LanguageHead { get; init; }

    /// <summary>The key of the word embeddings.</summary>
    public string WordEmbeddings { get; init; } = "embeddings.word_embeddings.weight";

    /// <summary>The linear layers of the layer with a given index; layers with the same names are one shared layer.</summary>
    public required Func<int, LinearNames> Linear { get; init; }

    /// <summary>The padding token where <c>config.json</c> names none.</summary>
    public required int DefaultPadTokenId { get; init; }

    /// <summary>Reads <c>config.json</c>; faults are collected in the file.</summary>
    public required Func<ConfigurationFile, BackboneConfiguration> Read { get; init; }

    /// <summary>Names and shapes of the tensors that an encoder with this configuration has.</summary>
    public required Func<BackboneConfiguration, IReadOnlyList<TensorDeclaration>> Declare { get; init; }

    /// <summary>An encoder over these tensors, which it owns.</summary>
    public required Func<BackboneConfiguration, FrozenTensors, Backbone> Create { get; init; }
}

/// <summary>The supported families.</summary>
internal static class BackboneFamilies
{
    public static IReadOnlyList<BackboneFamily> All { get; } =
    [
        BertBackbone.Family,
        .. RobertaBackbone.Families,
        ElectraBackbone.Family,
        DistilBertBackbone.Family,
        AlbertBackbone.Family,
        DebertaV1.Family,
        DebertaV2.Family,
        Gpt2Backbone.Family,
    ];

    /// <summary>The family of a <c>model_type</c>; null where it is not supported.</summary>
    public static BackboneFamily? Find(string modelType) => All.FirstOrDefault(family => family.ModelType == modelType);
}
