using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>GPT-2 (Radford et al. 2019): a decoder, where a token sees the prefix, itself and the tokens before it.</summary>
/// <remarks>No token sees padding, which stands on the right. Linear layers are stored transposed, <c>[from, to]</c>.</remarks>
internal sealed class Gpt2Backbone : PreNormBackbone
{
    private readonly FrozenEmbedding _words;            // [vocabulary, H]
    private readonly FrozenEmbedding _positions;        // [positions, H]

    private Gpt2Backbone(BackboneConfiguration configuration, FrozenTensors tensors)
        : base(configuration, tensors)
    {
        _words = FrozenEmbedding.Of(tensors, "wte");
        _positions = FrozenEmbedding.Of(tensors, "wpe");
        Layers = [.. Enumerable.Range(0, configuration.Layers).Select(i => new PreNormLayer
        {
            AttentionNorm = Norm($"h.{i}.ln_1"),
            Projection = new FusedProjection(FrozenLinear.OfTransposed(tensors, Linear(i).Query), configuration.Heads),
            AttentionOutput = FrozenLinear.OfTransposed(tensors, Linear(i).AttentionOutput),
            FeedForwardNorm = Norm($"h.{i}.ln_2"),
            Intermediate = FrozenLinear.OfTransposed(tensors, Intermediate(i)),
            Output = FrozenLinear.OfTransposed(tensors, Output(i)),
            Activation = Activation.Named(configuration.Activation),
        })];
        FinalNorm = Norm("ln_f");

        FrozenLayerNorm Norm(string module) => FrozenLayerNorm.Of(tensors, module, configuration.LayerNormEpsilon);
    }

    public static BackboneFamily Family { get; } = new()
    {
        ModelType = "gpt2",
        Keys = new("transformer.") { Heads = ["lm_head."], Buffers = [".attn.bias", ".attn.masked_bias"] },
        LanguageHead = new() { Decoder = "lm_head.weight" },
        TakesPrefix = true,
        Writes = true,
        LanguageModelTask = "CAUSAL_LM",
        WordEmbeddings = "wte.weight",
        Linear = (_, layer) => Linear(layer),
        DefaultPadTokenId = 0, // GPT-2 has none. Any id will do, since no token sees padding.
        Read = Read,
        Declare = Declare,
        Create = (configuration, tensors) => new Gpt2Backbone(configuration, tensors),
    };

    protected override IReadOnlyList<PreNormLayer> Layers { get; }

    protected override FrozenLayerNorm FinalNorm { get; }

    /// <exception cref="ArgumentException">Prefix and tokens together need more positions than there are.</exception>
    public override Tensor Embed(EncodedBatch batch, int positionOffset, Tuning? tuning = null, Dropout? dropout = null)
    {
        RequirePositions(batch, positionOffset);

        using var scope = NewDisposeScope();
        var positions = Arithmetic.Range(positionOffset, positionOffset + batch.Length, batch.Ids.device);      // [T]
        if (batch.DecoderIds is not null)
            positions = cat([positions.expand(batch.Rows, -1), DecoderPositions(batch, positionOffset)], 1);      // [B, T + U]
        return InputPrompts.EmbedTokens(_words, batch, tuning).Plus(_positions.Forward(positions, tuning?.Weights)).Drop(dropout).MoveToOuterDisposeScope();
    }

    protected override int? CausalFrom(EncodedBatch batch) => 0;

    /// <summary>The decoder goes on behind each row's text, <c>[B, U]</c>.</summary>
    private static Tensor DecoderPositions(EncodedBatch batch, int offset) =>
        batch.CountText().unsqueeze(1).Plus(Arithmetic.Range(offset + batch.DecoderPast, offset + batch.DecoderPast + batch.DecoderLength, batch.Ids.device));

    /// <summary>Queries, keys and values come from one linear layer.</summary>
    private static LinearNames Linear(int layer) => new(
        Query: $"h.{layer}.attn.c_attn",
        Key: $"h.{layer}.attn.c_attn",
        Value: $"h.{layer}.attn.c_attn",
        AttentionOutput: $"h.{layer}.attn.c_proj",
        Intermediate(layer),
        Output(layer))
    {
        IsTransposed = true,
    };

    private static string Intermediate(int layer) => $"h.{layer}.mlp.c_fc";

    private static string Output(int layer) => $"h.{layer}.mlp.c_proj";

    private static BackboneConfiguration Read(ConfigurationFile file)
    {
        file.RequireOff("add_cross_attention");
        file.RequireOff("scale_attn_by_inverse_layer_idx");
        if (!file.Switch("scale_attn_weights", fallback: true))
            file.Fault("scale_attn_weights is false, expected true");

        var hidden = file.Integer("n_embd", minimum: 1);
        return new()
        {
            ModelType = Family.ModelType,
            VocabularySize = file.Integer("vocab_size", minimum: 1),
            HiddenSize = hidden,
            EmbeddingSize = hidden,
            Layers = file.Layers("n_layer"),
            Heads = file.Integer("n_head", minimum: 1),
            FeedForwardSize = file.Integer("n_inner", minimum: 1, fallback: 4 * hidden),
            Activation = file.Word("activation_function", Activation.Names, fallback: "gelu_new"),
            MaxPositionEmbeddings = file.Integer("n_positions", minimum: 1),
            SegmentTypes = 0,
            LayerNormEpsilon = file.Positive("layer_norm_epsilon", fallback: 1e-5),
            PadTokenId = file.Integer("pad_token_id", minimum: 0, fallback: Family.DefaultPadTokenId),
            StatesPadToken = file.Has("pad_token_id"),
        };
    }

    private static List<TensorDeclaration> Declare(BackboneConfiguration configuration)
    {
        var (hidden, feedForward) = (configuration.HiddenSize, configuration.FeedForwardSize);
        List<TensorDeclaration> declared =
        [
            new("wte.weight", [configuration.VocabularySize, hidden]),
            new("wpe.weight", [configuration.MaxPositionEmbeddings, hidden]),
        ];
        for (var i = 0; i < configuration.Layers; i++)
        {
            declared.AddRange(
            [
                .. TensorDeclaration.LayerNorm($"h.{i}.ln_1", hidden),
                .. TensorDeclaration.Transposed(Linear(i).Query, hidden, 3 * hidden),
                .. TensorDeclaration.Transposed(Linear(i).AttentionOutput, hidden, hidden),
                .. TensorDeclaration.LayerNorm($"h.{i}.ln_2", hidden),
                .. TensorDeclaration.Transposed(Intermediate(i), hidden, feedForward),
                .. TensorDeclaration.Transposed(Output(i), feedForward, hidden),
            ]);
        }
        declared.AddRange(TensorDeclaration.LayerNorm("ln_f", hidden));
        return declared;
    }
}
