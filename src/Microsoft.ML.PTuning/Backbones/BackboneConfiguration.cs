namespace Microsoft.ML.PTuning.Backbones;

/// <summary>What <c>config.json</c> says of an encoder, in our terms.</summary>
internal sealed record BackboneConfiguration
{
    /// <summary>The family, as <c>model_type</c> names it: bert, roberta.</summary>
    public required string ModelType { get; init; }

    public required int VocabularySize { get; init; }

    /// <summary>H.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>L.</summary>
    public required int Layers { get; init; }

    /// <summary>h.</summary>
    public required int Heads { get; init; }

    public required int FeedForwardSize { get; init; }

    /// <summary>The feed-forward's activation, as <c>hidden_act</c> names it: gelu, gelu_new, relu.</summary>
    public required string Activation { get; init; }

    /// <summary>Rows of the position table.</summary>
    public required int MaxPositionEmbeddings { get; init; }

    public required int SegmentTypes { get; init; }

    public required double LayerNormEpsilon { get; init; }

    public required int PadTokenId { get; init; }

    /// <summary>D.</summary>
    public int HeadSize => HiddenSize / Heads;
}
