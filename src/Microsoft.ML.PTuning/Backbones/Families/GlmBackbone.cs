using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>GLM (Du et al. 2022): a pre-norm transformer with two tables of positions.</summary>
/// <remarks>
/// The models were trained with the tanh form of GELU by THUDM's own code (<c>THUDM/GLM</c>). Their Hugging Face port computes the exact form and its
/// <c>config.json</c> does not say so: with <c>"activation": "gelu"</c> there, this family computes what the port does.
/// </remarks>
internal sealed class GlmBackbone : BlankInfillingBackbone
{
    private const string Root = "transformer.";

    private readonly FrozenEmbedding _positions, _blocks;   // [positions + 1, H]

    private GlmBackbone(BackboneConfiguration configuration, FrozenTensors tensors)
        : base(configuration, tensors, Root) =>
        (_positions, _blocks) = (FrozenEmbedding.Of(tensors, Positions), FrozenEmbedding.Of(tensors, Blocks));

    public static BackboneFamily Family { get; } = new()
    {
        ModelType = "glm",
        Keys = new("glm.") { Heads = ["pool_layer.", "multichoice_head.", "prompt_spell."] },
        LanguageHead = new() { Decoder = "word_embeddings.weight" },
        Writes = true,
        WordEmbeddings = "word_embeddings.weight",
        Linear = (_, layer) => Linear(Root, layer),
        DefaultPadTokenId = 0, // The port's config.json names none. Any id will do, since no token sees padding.
        Read = Read,
        Declare = Declare,
        Create = (configuration, tensors) => new GlmBackbone(configuration, tensors),
    };

    private static string Positions => $"{Root}position_embeddings";

    private static string Blocks => $"{Root}block_position_embeddings";

    protected override Tensor AddPositions(Tensor words, EncodedBatch batch, WeightChanges? changes)
    {
        var positions = PositionsOf(batch);
        return words.Plus(_positions.Forward(positions.select(1, 0), changes)).Plus(_blocks.Forward(positions.select(1, 1), changes));
    }

    private static BackboneConfiguration Read(ConfigurationFile file)
    {
        file.RequireOff("relative_encoding");
        if (!file.Switch("block_position_encoding", fallback: true))
            file.Fault("block_position_encoding is false, expected true: models with one table of positions are not supported");
        if (file.Has("rope_theta") || file.Has("num_key_value_heads"))
            file.Fault("it is of GLM-4 or later, expected GLM of 2022, such as THUDM/glm-large, glm-2b or glm-10b");

        var hidden = file.Integer("hidden_size", minimum: 1);
        return new()
        {
            ModelType = Family.ModelType,
            VocabularySize = file.Integer("vocab_size", minimum: 1),
            HiddenSize = hidden,
            EmbeddingSize = hidden,
            Layers = file.Layers("num_layers"),
            Heads = file.Integer("num_attention_heads", minimum: 1),
            FeedForwardSize = 4 * hidden,
            Activation = file.Word("activation", ["gelu_tanh", "gelu"], fallback: "gelu_tanh") == "gelu" ? "gelu" : "gelu_new",
            MaxPositionEmbeddings = file.Integer("max_sequence_length", minimum: 1),
            SegmentTypes = 0,
            LayerNormEpsilon = file.Positive("layernorm_epsilon", fallback: 1e-5),
            PadTokenId = file.Integer("pad_token_id", minimum: 0, fallback: Family.DefaultPadTokenId),
            StatesPadToken = file.Has("pad_token_id"),
        };
    }

    private static List<TensorDeclaration> Declare(BackboneConfiguration configuration)
    {
        long[] table = [configuration.MaxPositionEmbeddings + 1, configuration.HiddenSize];
        var declared = Declare(configuration, Root);
        declared.InsertRange(1, [new($"{Positions}.weight", table), new($"{Blocks}.weight", table)]);
        return declared;
    }
}
