using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>BART (Lewis et al. 2020): an encoder that reads the text, and a decoder that writes and attends to what the encoder gave.</summary>
/// <remarks>
/// <para>
/// A layer here is an attention, so that each has its prefix: the encoder's layers, then two per layer of the decoder, one to the tokens written so far
/// and one to the text, with the feed-forward. The layers hand on the states of text and decoder side by side, <c>[B, T + U, H]</c>.
/// </para>
/// <para>
/// A task that has the text only gives it to the decoder, too, shifted by one token, as transformers does; the state of the last token stands for it.
/// A prefix does not move the positions, as in the code of Li &amp; Liang 2021.
/// </para>
/// </remarks>
internal sealed class BartBackbone : Backbone
{
    /// <summary>The first rows of the position tables, which no token uses.</summary>
    private const int UnusedPositions = 2;

    private readonly BartConfiguration _bart;
    private readonly FrozenEmbedding _words;                                        // [vocabulary, H]
    private readonly FrozenEmbedding _textPositions, _decoderPositions;             // [positions + 2, H]
    private readonly FrozenLayerNorm _textNorm, _decoderNorm;
    private readonly PostNormLayer[] _encoderLayers;
    private readonly PostNormAttention[] _decoderAttentions;
    private readonly PostNormLayer[] _crossLayers;

    private BartBackbone(BartConfiguration configuration, FrozenTensors tensors)
        : base(configuration, tensors)
    {
        _bart = configuration;
        _words = FrozenEmbedding.Of(tensors, "shared");
        (_textPositions, _decoderPositions) = (FrozenEmbedding.Of(tensors, "encoder.embed_positions"), FrozenEmbedding.Of(tensors, "decoder.embed_positions"));
        (_textNorm, _decoderNorm) = (Norm("encoder.layernorm_embedding"), Norm("decoder.layernorm_embedding"));
        _encoderLayers = [.. Enumerable.Range(0, configuration.EncoderLayers).Select(i => new PostNormLayer(tensors, EncoderLayer(i), configuration))];
        _crossLayers = [.. Enumerable.Range(0, configuration.DecoderLayers).Select(i => new PostNormLayer(tensors, CrossLayer(i), configuration))];
        _decoderAttentions =
        [
            .. Enumerable.Range(0, configuration.DecoderLayers).Select(i =>
            {
                var names = DecoderAttention(i);
                return new PostNormAttention(
                    new SeparateProjection(tensors, names.Query, names.Key, names.Value, configuration.Heads), tensors, names.AttentionOutput,
                    DecoderAttentionNorm(i), configuration);
            }),
        ];

        FrozenLayerNorm Norm(string module) => FrozenLayerNorm.Of(tensors, module, configuration.LayerNormEpsilon);
    }

    public static BackboneFamily Family { get; } = new()
    {
        ModelType = "bart",
        Keys = new("model.")
        {
            Heads = ["lm_head.", "final_logits_bias", "classification_head."],
            Buffers = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight", ".version"], // Copies of shared.weight.
        },
        LanguageHead = new() { Bias = "final_logits_bias", BiasIsRow = true, Decoder = "lm_head.weight" },
        SentenceHead = new("classification_head.dense", "classification_head.out_proj"),
        Writes = true,
        LanguageModelTask = "SEQ_2_SEQ_LM",
        WordEmbeddings = "shared.weight",
        Linear = (configuration, layer) => Linear((BartConfiguration)configuration, layer),
        DefaultPadTokenId = 1,
        Read = Read,
        Declare = configuration => Declare((BartConfiguration)configuration),
        Create = (configuration, tensors) => new BartBackbone((BartConfiguration)configuration, tensors),
    };

    public override int MaxPositions => Configuration.MaxPositionEmbeddings;

    public override bool PrefixTakesPositions => false;

    public override bool DecoderFollowsText => false;

    public override bool HasPooler => false;

    public override bool HasStatePerToken => false;

    public override int? DecoderStart => _bart.DecoderStartTokenId;

    public override bool ForcesEnd => _bart.ForcesEnd;

    public override SentenceToken SentenceToken => SentenceToken.Last;

    public override int StackOf(int layer) => (int)PartOf(layer);

    public override EncodedBatch AddDecoder(EncodedBatch batch, bool perToken)
    {
        using var scope = NewDisposeScope();
        var start = batch.Ids.narrow(1, 0, 1).Filled(_bart.DecoderStartTokenId);
        return batch with
        {
            DecoderIds = cat([start, batch.Ids.narrow(1, 0, batch.Length - 1)], 1).MoveToOuterDisposeScope(),
            DecoderMask = batch.Mask,
        };
    }

    public override Tensor? KeyMask(int layer, EncodedBatch batch) => PartOf(layer) == Part.DecoderAttention ? batch.DecoderMask : batch.Mask;

    /// <exception cref="ArgumentException">The tokens need more positions than there are.</exception>
    public override Tensor Embed(EncodedBatch batch, int positionOffset, Tuning? tuning = null, Dropout? dropout = null)
    {
        RequirePositions(batch, offset: 0);

        using var scope = NewDisposeScope();
        var changes = tuning?.Weights;
        var words = InputPrompts.EmbedTokens(_words, batch, tuning);                                          // [B, T + U, H]
        if (_bart.ScalesEmbeddings)
            words = words.Times(Math.Sqrt(Configuration.HiddenSize));
        var text = Normed(words.narrow(1, 0, batch.Length), _textPositions, 0, _textNorm);
        var decoder = Normed(words.narrow(1, batch.Length, batch.DecoderLength), _decoderPositions, batch.DecoderPast, _decoderNorm);
        return cat([text, decoder], 1).MoveToOuterDisposeScope();

        Tensor Normed(Tensor tokens, FrozenEmbedding positions, int first, FrozenLayerNorm norm)
        {
            var places = Arithmetic.Range(UnusedPositions + first, UnusedPositions + first + tokens.size(1), tokens.device);
            return norm.Forward(tokens.Plus(positions.Forward(places, changes)), changes).Drop(dropout);
        }
    }

    public override LayerRun OpenLayers(EncodedBatch batch, Tuning tuning, Dropout? dropout)
    {
        var ofText = new AttentionMask(batch with { DecoderIds = null }, ElementType);
        var ofDecoder = new AttentionMask(new(batch.DecoderIds!, batch.DecoderIds!, batch.DecoderMask), ElementType, causalFrom: 0);
        var changes = tuning.Weights;
        return (layer, hidden, sentenceTokenOnly) =>
        {
            var part = PartOf(layer);
            if (part == Part.Encoder && batch.Length == 0)
                return hidden.alias(); // The text was read before.

            var prefix = tuning.Prefixes?[layer];
            var visible = (part == Part.DecoderAttention ? ofDecoder : ofText).For(prefix); // Made outside of the scope, because the mask outlives the layer.
            using var scope = NewDisposeScope();
            var text = hidden.narrow(1, 0, batch.Length);                                                     // [B, T, H]
            var decoder = hidden.narrow(1, batch.Length, batch.DecoderLength);                                // [B, U, H]
            if (part == Part.Encoder)
                return cat([_encoderLayers[layer].Forward(text, text, Attend, changes, dropout), decoder], 1).MoveToOuterDisposeScope();

            var index = (layer - _bart.EncoderLayers) / 2;
            if (part == Part.DecoderAttention)
                return cat([text, _decoderAttentions[index].Forward(decoder, decoder, Attend, changes, dropout)], 1).MoveToOuterDisposeScope();

            var querying = sentenceTokenOnly ? SentenceStates(decoder, batch.DecoderMask).unsqueeze(1) : decoder;
            var output = _crossLayers[index].Forward(querying, text, Attend, changes, dropout);
            return (layer == Configuration.Layers - 1 ? output : cat([text, output], 1)).MoveToOuterDisposeScope();

            Tensor Attend(Tensor q, Tensor k, Tensor v)
            {
                tuning.OnKeysAndValues?.Invoke(layer, k, v);
                return PrefixedAttention.Attend(q, k, v, prefix, visible, dropout, tuning.ObserverOf(layer));
            }
        };
    }

    private Part PartOf(int layer) => PartOf(_bart, layer);

    private static Part PartOf(BartConfiguration configuration, int layer) =>
        layer < configuration.EncoderLayers ? Part.Encoder
        : (layer - configuration.EncoderLayers) % 2 == 0 ? Part.DecoderAttention
        : Part.Cross;

    private static LinearNames Linear(BartConfiguration configuration, int layer)
    {
        var index = (layer - configuration.EncoderLayers) / 2;
        return PartOf(configuration, layer) switch
        {
            Part.Encoder => EncoderLayer(layer).Linear,
            Part.DecoderAttention => DecoderAttention(index),
            _ => CrossLayer(index).Linear,
        };
    }

    private static PostNormLayerNames EncoderLayer(int layer) => LayerWith($"encoder.layers.{layer}", "self_attn");

    private static PostNormLayerNames CrossLayer(int layer) => LayerWith($"decoder.layers.{layer}", "encoder_attn");

    private static LinearNames DecoderAttention(int layer) => new(
        $"decoder.layers.{layer}.self_attn.q_proj", $"decoder.layers.{layer}.self_attn.k_proj", $"decoder.layers.{layer}.self_attn.v_proj",
        $"decoder.layers.{layer}.self_attn.out_proj", Intermediate: null, Output: null);

    private static string DecoderAttentionNorm(int layer) => $"decoder.layers.{layer}.self_attn_layer_norm";

    private static PostNormLayerNames LayerWith(string layer, string attention) => new(
        Query: $"{layer}.{attention}.q_proj",
        Key: $"{layer}.{attention}.k_proj",
        Value: $"{layer}.{attention}.v_proj",
        AttentionOutput: $"{layer}.{attention}.out_proj",
        AttentionNorm: $"{layer}.{attention}_layer_norm",
        Intermediate: $"{layer}.fc1",
        Output: $"{layer}.fc2",
        OutputNorm: $"{layer}.final_layer_norm");

    private static BartConfiguration Read(ConfigurationFile file)
    {
        file.RequireOff("normalize_before");
        file.RequireOff("add_final_layer_norm");
        file.RequireOff("static_position_embeddings");
        if (!file.Switch("normalize_embedding", fallback: true))
            file.Fault("normalize_embedding is false, expected true");

        var hidden = file.Integer("d_model", minimum: 1);
        var (encoderLayers, decoderLayers) = (file.Layers("encoder_layers"), file.Layers("decoder_layers"));
        var pad = file.Integer("pad_token_id", minimum: 0, fallback: Family.DefaultPadTokenId);
        return new()
        {
            ModelType = Family.ModelType,
            VocabularySize = file.Integer("vocab_size", minimum: 1),
            HiddenSize = hidden,
            EmbeddingSize = hidden,
            EncoderLayers = encoderLayers,
            DecoderLayers = decoderLayers,
            Layers = encoderLayers + 2 * decoderLayers,
            Heads = Same("encoder_attention_heads", "decoder_attention_heads"),
            FeedForwardSize = Same("encoder_ffn_dim", "decoder_ffn_dim"),
            Activation = file.Word("activation_function", Activation.Names, fallback: "gelu"),
            MaxPositionEmbeddings = file.Integer("max_position_embeddings", minimum: 1),
            SegmentTypes = 0,
            LayerNormEpsilon = 1e-5,
            PadTokenId = pad,
            StatesPadToken = file.Has("pad_token_id"),
            ScalesEmbeddings = file.Switch("scale_embedding", fallback: false),
            ForcesEnd = file.Has("forced_eos_token_id"),
            DecoderStartTokenId = file.Integer("decoder_start_token_id", minimum: 0, fallback: file.Integer("eos_token_id", minimum: 0, fallback: 2)),
        };

        int Same(string encoder, string decoder)
        {
            var (first, second) = (file.Integer(encoder, minimum: 1), file.Integer(decoder, minimum: 1));
            if (first != second)
                file.Fault($"{encoder} is {first} and {decoder} {second}, expected the same number");
            return first;
        }
    }

    private static List<TensorDeclaration> Declare(BartConfiguration configuration)
    {
        var hidden = configuration.HiddenSize;
        List<TensorDeclaration> declared = [new("shared.weight", [configuration.VocabularySize, hidden])];
        foreach (var part in (string[])["encoder", "decoder"])
        {
            declared.Add(new($"{part}.embed_positions.weight", [configuration.MaxPositionEmbeddings + UnusedPositions, hidden]));
            declared.AddRange(TensorDeclaration.LayerNorm($"{part}.layernorm_embedding", hidden));
        }
        for (var i = 0; i < configuration.EncoderLayers; i++)
            declared.AddRange(PostNormLayer.Declare(EncoderLayer(i), configuration));
        for (var i = 0; i < configuration.DecoderLayers; i++)
        {
            var own = DecoderAttention(i);
            foreach (var module in (string[])[own.Query, own.Key, own.Value, own.AttentionOutput])
                declared.AddRange(TensorDeclaration.Linear(module, hidden, hidden));
            declared.AddRange(TensorDeclaration.LayerNorm(DecoderAttentionNorm(i), hidden));
            declared.AddRange(PostNormLayer.Declare(CrossLayer(i), configuration));
        }
        return declared;
    }

    /// <summary>What a layer belongs to.</summary>
    private enum Part
    {
        Encoder,
        DecoderAttention,
        Cross,
    }

    /// <summary>The settings that BART has beside those of every family.</summary>
    private sealed record BartConfiguration : BackboneConfiguration
    {
        public override IReadOnlyDictionary<string, string> Traits => new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["decoder_layers"] = $"{DecoderLayers}",
            ["decoder_start_token_id"] = $"{DecoderStartTokenId}",
            ["encoder_layers"] = $"{EncoderLayers}",
            ["scale_embedding"] = ScalesEmbeddings ? "true" : "false",
        };

        public required int EncoderLayers { get; init; }

        public required int DecoderLayers { get; init; }

        /// <summary>Whether word vectors are multiplied by √H.</summary>
        public required bool ScalesEmbeddings { get; init; }

        /// <summary>Whether <c>forced_eos_token_id</c> is there; it is the end of a text in all published models.</summary>
        public required bool ForcesEnd { get; init; }

        /// <summary>What the decoder reads first.</summary>
        public required int DecoderStartTokenId { get; init; }
    }
}
