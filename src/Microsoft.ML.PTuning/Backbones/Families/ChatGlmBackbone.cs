using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;

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

    private const string Root = "";

    private ChatGlmBackbone(BackboneConfiguration configuration, FrozenTensors tensors)
        : base(configuration, tensors, Root, byHead: true, Math.Sqrt(2 * ResidualLayers))
    {
    }

    public static BackboneFamily Family { get; } = new()
    {
        ModelType = "chatglm",
        Keys = new("transformer.") { Heads = ["lm_head."], Buffers = [".rotary_emb.inv_freq"] },
        LanguageHead = new() { Decoder = "lm_head.weight", HasOwnWords = true },
        Writes = true,
        WordEmbeddings = "word_embeddings.weight",
        Linear = (_, layer) => Linear(Root, layer),
        DefaultPadTokenId = 3,
        Read = Read,
        Declare = configuration => Declare(configuration, Root),
        Create = (configuration, tensors) => new ChatGlmBackbone(configuration, tensors),
    };

    protected override RotaryPositions OpenRotary(EncodedBatch batch) => new(PositionsOf(batch), Configuration.HeadSize, ElementType);

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
}
