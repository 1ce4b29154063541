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
    private readonly FrozenEmbedding _words;                // [vocabulary, H]
    private readonly FrozenEmbedding _positions, _blocks;   // [positions + 1, H]

    private GlmBackbone(BackboneConfiguration configuration, FrozenTensors tensors)
        : base(configuration, tensors)
    {
        _words = FrozenEmbedding.Of(tensors, "word_embeddings");
        _positions = FrozenEmbedding.Of(tensors, "transformer.position_embeddings");
        _blocks = FrozenEmbedding.Of(tensors, "transformer.block_position_embeddings");
        Layers = [.. Enumerable.Range(0, configuration.Layers).Select(i => new PreNormLayer
        {
            AttentionNorm = Norm(AttentionNorm(i)),
            Projection = new FusedProjection(FrozenLinear.Of(tensors, Linear(i).Query), configuration.Heads),
            AttentionOutput = FrozenLinear.Of(tensors, Linear(i).AttentionOutput),
            FeedForwardNorm = Norm(FeedForwardNorm(i)),
            Intermediate = FrozenLinear.Of(tensors, Intermediate(i)),
            Output = FrozenLinear.Of(tensors, Output(i)),
            Activation = Activation.Named(configuration.Activation),
        })];
        FinalNorm = Norm("transformer.final_layernorm");

        FrozenLayerNorm Norm(string module) => FrozenLayerNorm.Of(tensors, module, configuration.LayerNormEpsilon);
    }

    public static BackboneFamily Family { get; } = new()
    {
        ModelType = "glm",
        Keys = new("glm.") { Heads = ["pool_layer.", "multichoice_head.", "prompt_spell."] },
        LanguageHead = new() { Decoder = "word_embeddings.weight" },
        Writes = true,
        WordEmbeddings = "word_embeddings.weight",
        Linear = (_, layer) => Linear(layer),
        DefaultPadTokenId = 0, // The port's config.json names none. Any id will do, since no token sees padding.
        Read = Read,
        Declare = Declare,
        Create = (configuration, tensors) => new GlmBackbone(configuration, tensors),
    };

    protected override IReadOnlyList<PreNormLayer> Layers { get; }

    protected override FrozenLayerNorm FinalNorm { get; }

    /// <exception cref="ArgumentException">The tokens need more positions than there are.</exception>
    public override Tensor Embed(EncodedBatch batch, int positionOffset, Tuning? tuning = null, Dropout? dropout = null)
    {
        RequirePositions(batch, offset: 0);

        using var scope = NewDisposeScope();
        var (changes, positions) = (tuning?.Weights, PositionsOf(batch));
        return InputPrompts.EmbedTokens(_words, batch, tuning)                                                  // [B, T + U, H]
            .Plus(_positions.Forward(positions.select(1, 0), changes))
            .Plus(_blocks.Forward(positions.select(1, 1), changes))
            .Drop(dropout).MoveToOuterDisposeScope();
    }

    /// <summary>Queries, keys and values come from one linear layer.</summary>
    private static LinearNames Linear(int layer) => new(
        Query: $"transformer.layers.{layer}.attention.query_key_value",
        Key: $"transformer.layers.{layer}.attention.query_key_value",
        Value: $"transformer.layers.{layer}.attention.query_key_value",
        AttentionOutput: $"transformer.layers.{layer}.attention.dense",
        Intermediate(layer),
        Output(layer));

    private static string AttentionNorm(int layer) => $"transformer.layers.{layer}.input_layernorm";

    private static string FeedForwardNorm(int layer) => $"transformer.layers.{layer}.post_attention_layernorm";

    private static string Intermediate(int layer) => $"transformer.layers.{layer}.mlp.dense_h_to_4h";

    private static string Output(int layer) => $"transformer.layers.{layer}.mlp.dense_4h_to_h";

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
        var (hidden, feedForward, positions) = (configuration.HiddenSize, configuration.FeedForwardSize, configuration.MaxPositionEmbeddings + 1);
        List<TensorDeclaration> declared =
        [
            new("word_embeddings.weight", [configuration.VocabularySize, hidden]),
            new("transformer.position_embeddings.weight", [positions, hidden]),
            new("transformer.block_position_embeddings.weight", [positions, hidden]),
        ];
        for (var i = 0; i < configuration.Layers; i++)
        {
            declared.AddRange(
            [
                .. TensorDeclaration.LayerNorm(AttentionNorm(i), hidden),
                .. TensorDeclaration.Linear(Linear(i).Query, hidden, 3 * hidden),
                .. TensorDeclaration.Linear(Linear(i).AttentionOutput, hidden, hidden),
                .. TensorDeclaration.LayerNorm(FeedForwardNorm(i), hidden),
                .. TensorDeclaration.Linear(Intermediate(i), hidden, feedForward),
                .. TensorDeclaration.Linear(Output(i), feedForward, hidden),
            ]);
        }
        declared.AddRange(TensorDeclaration.LayerNorm("transformer.final_layernorm", hidden));
        return declared;
    }
}
