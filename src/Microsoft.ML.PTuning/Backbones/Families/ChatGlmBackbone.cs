using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>ChatGLM-6B: GLM with rotary positions, and with the normalised input in the residual.</summary>
/// <remarks>
/// As in <c>modeling_chatglm.py</c> of the model's last version. What it divides attention's scores by and multiplies them with again, against the
/// overflow of F16, does not change the result.
/// </remarks>
internal sealed class ChatGlmBackbone : BlankInfillingBackbone
{
    /// <summary>The layers in the residual's factor, √(2 · 28), of which the model's code does not take the configured number.</summary>
    private const int ResidualLayers = 28;

    private readonly FrozenEmbedding _words;    // [vocabulary, H]

    private ChatGlmBackbone(BackboneConfiguration configuration, FrozenTensors tensors)
        : base(configuration, tensors)
    {
        _words = FrozenEmbedding.Of(tensors, "word_embeddings");
        Layers = [.. Enumerable.Range(0, configuration.Layers).Select(i => new PreNormLayer
        {
            AttentionNorm = Norm(AttentionNorm(i)),
            Projection = new FusedProjection(FrozenLinear.Of(tensors, Linear(i).Query), configuration.Heads, byHead: true),
            AttentionOutput = FrozenLinear.Of(tensors, Linear(i).AttentionOutput),
            FeedForwardNorm = Norm(FeedForwardNorm(i)),
            Intermediate = FrozenLinear.Of(tensors, Intermediate(i)),
            Output = FrozenLinear.Of(tensors, Output(i)),
            Activation = Activation.Named(configuration.Activation),
            NormalizedResidual = Math.Sqrt(2 * ResidualLayers),
        })];
        FinalNorm = Norm("final_layernorm");

        FrozenLayerNorm Norm(string module) => FrozenLayerNorm.Of(tensors, module, configuration.LayerNormEpsilon);
    }

    public static BackboneFamily Family { get; } = new()
    {
        ModelType = "chatglm",
        Keys = new("transformer.") { Heads = ["lm_head."], Buffers = [".rotary_emb.inv_freq"] },
        LanguageHead = new() { Decoder = "lm_head.weight", HasOwnWords = true },
        Writes = true,
        WordEmbeddings = "word_embeddings.weight",
        Linear = (_, layer) => Linear(layer),
        DefaultPadTokenId = 3,
        Read = Read,
        Declare = Declare,
        Create = (configuration, tensors) => new ChatGlmBackbone(configuration, tensors),
    };

    protected override IReadOnlyList<PreNormLayer> Layers { get; }

    protected override FrozenLayerNorm FinalNorm { get; }

    /// <exception cref="ArgumentException">There are more tokens than the model was made for.</exception>
    public override Tensor Embed(EncodedBatch batch, int positionOffset, Tuning? tuning = null, Dropout? dropout = null)
    {
        RequirePositions(batch, offset: 0);

        using var scope = NewDisposeScope();
        return InputPrompts.EmbedTokens(_words, batch, tuning).Drop(dropout).MoveToOuterDisposeScope();          // [B, T + U, H]
    }

    protected override RotaryPositions OpenRotary(EncodedBatch batch) => new(PositionsOf(batch), Configuration.HeadSize, ElementType);

    /// <summary>Queries, keys and values come from one linear layer, head by head.</summary>
    private static LinearNames Linear(int layer) => new(
        Query: $"layers.{layer}.attention.query_key_value",
        Key: $"layers.{layer}.attention.query_key_value",
        Value: $"layers.{layer}.attention.query_key_value",
        AttentionOutput: $"layers.{layer}.attention.dense",
        Intermediate(layer),
        Output(layer));

    private static string AttentionNorm(int layer) => $"layers.{layer}.input_layernorm";

    private static string FeedForwardNorm(int layer) => $"layers.{layer}.post_attention_layernorm";

    private static string Intermediate(int layer) => $"layers.{layer}.mlp.dense_h_to_4h";

    private static string Output(int layer) => $"layers.{layer}.mlp.dense_4h_to_h";

    private static BackboneConfiguration Read(ConfigurationFile file)
    {
        if (!file.Switch("position_encoding_2d", fallback: true))
            file.Fault("position_encoding_2d is false, expected true");
        if (file.Integer("quantization_bit", minimum: 0, fallback: 0) is var bits && bits > 0)
            file.Fault($"quantization_bit is {bits}, expected 0: weights that the model's own code has quantised cannot be read");
        if (file.Has("rmsnorm") || file.Has("padded_vocab_size"))
            file.Fault("it is of ChatGLM2 or later, expected ChatGLM-6B");

        var (hidden, heads) = (file.Integer("hidden_size", minimum: 1), file.Integer("num_attention_heads", minimum: 1));
        if (hidden > 0 && heads > 0 && hidden / heads % 4 != 0)
            file.Fault($"a head has {hidden / heads} numbers (hidden_size / num_attention_heads), expected a multiple of 4 for two rotations");
        return new()
        {
            ModelType = Family.ModelType,
            VocabularySize = file.Integer("vocab_size", minimum: 1),
            HiddenSize = hidden,
            EmbeddingSize = hidden,
            Layers = file.Layers("num_layers"),
            Heads = heads,
            FeedForwardSize = file.Integer("inner_hidden_size", minimum: 1),
            Activation = "gelu_new",
            MaxPositionEmbeddings = file.Integer("max_sequence_length", minimum: 1),
            SegmentTypes = 0,
            LayerNormEpsilon = file.Positive("layernorm_epsilon", fallback: 1e-5),
            PadTokenId = file.Integer("pad_token_id", minimum: 0, fallback: Family.DefaultPadTokenId),
            StatesPadToken = file.Has("pad_token_id"),
        };
    }

    private static List<TensorDeclaration> Declare(BackboneConfiguration configuration)
    {
        var (hidden, feedForward) = (configuration.HiddenSize, configuration.FeedForwardSize);
        List<TensorDeclaration> declared = [new("word_embeddings.weight", [configuration.VocabularySize, hidden])];
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
        declared.AddRange(TensorDeclaration.LayerNorm("final_layernorm", hidden));
        return declared;
    }
}
