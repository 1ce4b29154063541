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

    /// <summary>The modules of transformers' sentence classifier; null where it computes otherwise than a pooler and a linear layer.</summary>
    public SentenceHeadNames? SentenceHead { get; init; }

    /// <summary>Whether models of transformers take keys and values of a prefix (<c>past_key_values</c>).</summary>
    public bool TakesPrefix { get; init; }

    /// <summary>Whether its models write text (<see cref="Backbone.Writes"/>).</summary>
    public bool Writes { get; init; }

    /// <summary>What Hugging Face's PEFT calls the task of its language models, <c>task_type</c>; null where PEFT's models compute otherwise.</summary>
    public string? LanguageModelTask { get; init; }

    /// <summary>The key of the word embeddings.</summary>
    public string WordEmbeddings { get; init; } = "embeddings.word_embeddings.weight";

    /// <summary>The linear layers of the layer with a given index; layers with the same names are one shared layer.</summary>
    public required Func<BackboneConfiguration, int, LinearNames> Linear { get; init; }

    /// <summary>The padding token where <c>config.json</c> names none.</summary>
    public required int DefaultPadTokenId { get; init; }

    /// <summary>Reads <c>config.json</c>; faults are collected in the file.</summary>
    public required Func<ConfigurationFile, BackboneConfiguration> Read { get; init; }

    /// <summary>Names and shapes of the tensors that an encoder with this configuration has.</summary>
    public required Func<BackboneConfiguration, IReadOnlyList<TensorDeclaration>> Declare { get; init; }

    /// <summary>An encoder over these tensors, which it owns.</summary>
    public required Func<BackboneConfiguration, FrozenTensors, Backbone> Create { get; init; }
}

/// <summary>The modules of a sentence classifier in a checkpoint of transformers.</summary>
/// <param name="Pooler">The dense layer over the first token; an activation follows it.</param>
/// <param name="Output">The last linear layer.</param>
internal sealed record SentenceHeadNames(string Pooler, string Output);

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
        BartBackbone.Family,
        GlmBackbone.Family,
        ChatGlmBackbone.Family,
    ];

    /// <summary>The families whose models write text, for messages.</summary>
    public static string Writing => string.Join(", ", All.Where(family => family.Writes).Select(family => family.ModelType));

    /// <summary>The family of a <c>model_type</c>; null where it is not supported.</summary>
    public static BackboneFamily? Find(string modelType) => All.FirstOrDefault(family => family.ModelType == modelType);
}
