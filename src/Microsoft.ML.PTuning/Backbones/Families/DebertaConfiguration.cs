using System.Globalization;

namespace Microsoft.ML.PTuning.Backbones.Families;

/// <summary>The convolution beside the first layer of the larger DeBERTa v2 encoders.</summary>
/// <param name="KernelSize">Tokens in the kernel, an odd number.</param>
/// <param name="Groups">Groups of channels that do not see each other.</param>
/// <param name="Activation">One of <see cref="Backbones.Layers.Activation.Names"/>.</param>
internal sealed record ConvolutionConfiguration(int KernelSize, int Groups, string Activation);

/// <summary>The settings in <c>config.json</c> that only DeBERTa has.</summary>
internal sealed record DebertaConfiguration : BackboneConfiguration
{
    private const string ContentToPosition = "c2p", PositionToContent = "p2c";

    /// <summary>Whether absolute positions are added to the words, as BERT does; no published DeBERTa does.</summary>
    public required bool AddsAbsolutePositions { get; init; }

    /// <summary>Whether scores have a term of content to relative position (c2p).</summary>
    public required bool HasContentToPosition { get; init; }

    /// <summary>Whether scores have a term of relative position to content (p2c).</summary>
    public required bool HasPositionToContent { get; init; }

    /// <summary>The distance beyond which all tokens count as equally far, unless there are buckets.</summary>
    public required int MaxRelativePositions { get; init; }

    /// <summary>The activation of the sentence pooler that is trained with a head.</summary>
    public required string PoolerActivation { get; init; }

    /// <summary>Buckets of distances on each side; 0 where every distance has its own.</summary>
    public int PositionBuckets { get; init; }

    /// <summary>Whether relative positions go through the projections of the content.</summary>
    public bool SharesProjections { get; init; }

    /// <summary>Whether the relative embeddings are normalised.</summary>
    public bool NormalizesRelativeEmbeddings { get; init; }

    /// <summary>The first layer's convolution; null where there is none.</summary>
    public ConvolutionConfiguration? Convolution { get; init; }

    public override IReadOnlyDictionary<string, string> Traits => new SortedDictionary<string, string>(StringComparer.Ordinal)
    {
        ["pos_att_type"] = (HasContentToPosition, HasPositionToContent) switch
        {
            (true, true) => $"{ContentToPosition}|{PositionToContent}",
            (true, false) => ContentToPosition,
            (false, true) => PositionToContent,
            _ => "none",
        },
        ["max_relative_positions"] = Invariant(MaxRelativePositions),
        ["position_buckets"] = Invariant(PositionBuckets),
        ["position_biased_input"] = AddsAbsolutePositions ? "true" : "false",
        ["share_att_key"] = SharesProjections ? "true" : "false",
        ["norm_rel_ebd"] = NormalizesRelativeEmbeddings ? "layer_norm" : "none",
        ["pooler_hidden_act"] = PoolerActivation,
        ["conv_act"] = Convolution?.Activation ?? "none",
    };

    /// <summary>Rows of the table of relative embeddings on either side of distance 0, R.</summary>
    public int RelativeSpan => PositionBuckets > 0 ? PositionBuckets : MaxRelativePositions;

    /// <summary>Terms of an attention score: content to content, and up to two with positions. The score is divided by √(D · terms).</summary>
    public int ScoreTerms => 1 + (HasContentToPosition ? 1 : 0) + (HasPositionToContent ? 1 : 0);

    /// <summary>Reads DeBERTa's first version.</summary>
    /// <remarks>Position to position (p2p) is refused: no checkpoint was published with it, and transformers computes nothing for it.</remarks>
    public static DebertaConfiguration Read(ConfigurationFile file, BackboneFamily family)
    {
        file.RequireOff("talking_head");
        if (!file.Switch("relative_attention", fallback: false))
            file.Fault("relative_attention is not true; a DeBERTa without it is not supported");

        var terms = file.Words("pos_att_type", [ContentToPosition, PositionToContent]);
        var hidden = file.Integer("hidden_size", minimum: 1);
        var positions = file.Integer("max_position_embeddings", minimum: 1, fallback: 512);
        var distances = file.Integer("max_relative_positions", minimum: -1, fallback: -1);
        var configuration = new DebertaConfiguration
        {
            ModelType = family.ModelType,
            VocabularySize = file.Integer("vocab_size", minimum: 1),
            HiddenSize = hidden,
            Layers = file.Layers("num_hidden_layers"),
            Heads = file.Integer("num_attention_heads", minimum: 1),
            FeedForwardSize = file.Integer("intermediate_size", minimum: 1),
            Activation = file.Word("hidden_act", Backbones.Layers.Activation.Names),
            MaxPositionEmbeddings = positions,
            SegmentTypes = file.Integer("type_vocab_size", minimum: 0, fallback: 0),
            LayerNormEpsilon = file.Positive("layer_norm_eps", fallback: 1e-7),
            PadTokenId = file.Integer("pad_token_id", minimum: 0, fallback: family.DefaultPadTokenId),
            StatesPadToken = file.Has("pad_token_id"),
            EmbeddingSize = file.Integer("embedding_size", minimum: 1, fallback: hidden),
            AddsAbsolutePositions = file.Switch("position_biased_input", fallback: true),
            HasContentToPosition = terms.Contains(ContentToPosition),
            HasPositionToContent = terms.Contains(PositionToContent),
            MaxRelativePositions = distances < 1 ? positions : distances,
            PoolerActivation = file.Word("pooler_hidden_act", Backbones.Layers.Activation.Names, fallback: "gelu"),
        };
        configuration.CheckHeads(file);
        return configuration;
    }

    /// <summary>Reads what versions 2 and 3 have in common; they differ in training only.</summary>
    public static DebertaConfiguration ReadV2(ConfigurationFile file, BackboneFamily family)
    {
        var buckets = file.Integer("position_buckets", minimum: -1, fallback: -1);
        var configuration = Read(file, family) with
        {
            PositionBuckets = Math.Max(buckets, 0),
            SharesProjections = file.Switch("share_att_key", fallback: false),
            NormalizesRelativeEmbeddings = file.Word("norm_rel_ebd", ["none", "layer_norm"], fallback: "none") == "layer_norm",
            Convolution = ReadConvolution(file),
        };
        if (buckets == 1 || buckets > 1 && buckets / 2 + 1 >= configuration.MaxRelativePositions)
        {
            file.Fault($"position_buckets is {buckets}, expected -1 for none, or from 2 to less than twice the "
                + $"{configuration.MaxRelativePositions} relative positions that they share");
        }
        if (configuration.Convolution is { } convolution && configuration.HiddenSize % convolution.Groups != 0)
            file.Fault($"hidden_size {configuration.HiddenSize} is not a multiple of conv_groups {convolution.Groups}");
        return configuration;
    }

    private static string Invariant(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static ConvolutionConfiguration? ReadConvolution(ConfigurationFile file)
    {
        var size = file.Integer("conv_kernel_size", minimum: 0, fallback: 0);
        if (size == 0)
            return null;
        if (size % 2 == 0)
            file.Fault($"conv_kernel_size is {size}, expected an odd number");

        var groups = file.Integer("conv_groups", minimum: 1, fallback: 1);
        return new(size, Math.Max(1, groups), file.Word("conv_act", Backbones.Layers.Activation.Names, fallback: "tanh"));
    }

    private void CheckHeads(ConfigurationFile file)
    {
        if (Heads > 0 && file.Integer("attention_head_size", minimum: 1, fallback: HeadSize) is var size && size != HeadSize)
            file.Fault($"attention_head_size is {size}, expected hidden_size / num_attention_heads, {HeadSize}");
    }
}
