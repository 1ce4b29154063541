namespace Microsoft.ML.PTuning.Backbones;

/// <summary>The settings of an encoder in <c>config.json</c>, in our terms.</summary>
internal record BackboneConfiguration
{
    public const string FileName = "config.json";

    /// <summary>The family, as <c>model_type</c> names it: bert, xlm-roberta, electra.</summary>
    public required string ModelType { get; init; }

    public required int VocabularySize { get; init; }

    /// <summary>H.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>E, the size of an embedding: H, except in families that project it to H.</summary>
    public required int EmbeddingSize { get; init; }

    /// <summary>L.</summary>
    public required int Layers { get; init; }

    /// <summary>h.</summary>
    public required int Heads { get; init; }

    /// <summary>Heads of keys and values: h, except in families whose queries share them.</summary>
    public virtual int KeyValueHeads => Heads;

    public required int FeedForwardSize { get; init; }

    /// <summary>The feed-forward's activation, as <c>hidden_act</c> names it: gelu, gelu_new, relu.</summary>
    public required string Activation { get; init; }

    /// <summary>Rows of the position table.</summary>
    public required int MaxPositionEmbeddings { get; init; }

    public required int SegmentTypes { get; init; }

    public required double LayerNormEpsilon { get; init; }

    public required int PadTokenId { get; init; }

    /// <summary>Whether a language model's head uses the word embeddings as its weights.</summary>
    public bool TiesWordEmbeddings { get; init; } = true;

    /// <summary>Whether the file names the padding token; otherwise it is the family's default.</summary>
    public bool StatesPadToken { get; init; }

    /// <summary>
    /// Whether the encoder was trained to give a text's vector as the mean over its tokens; null where nothing says so (<see cref="SentenceModules"/>).
    /// </summary>
    public bool? PoolsMean { get; init; }

    /// <summary>Further settings that change what the encoder computes, by the file's keys; empty for most families.</summary>
    public virtual IReadOnlyDictionary<string, string> Traits => new Dictionary<string, string>();

    /// <summary>D.</summary>
    public int HeadSize => HiddenSize / Heads;

    /// <summary>Reads <c>config.json</c> of a Hugging Face directory.</summary>
    /// <remarks>Where a key is missing, the default of transformers holds: epsilon 1e-12, the family's padding token.</remarks>
    /// <exception cref="FileNotFoundException">The directory holds no <c>config.json</c>.</exception>
    /// <exception cref="InvalidDataException">Keys are missing or wrong, or need what is not supported; the message names every one.</exception>
    public static BackboneConfiguration Read(string directory)
    {
        using var file = ConfigurationFile.Open(Path.Combine(directory, FileName));

        // The other keys depend on the family.
        var modelType = file.Word("model_type", BackboneFamilies.All.Select(family => family.ModelType));
        file.ThrowIfFaulty();

        var configuration = BackboneFamilies.Find(modelType)!.Read(file);
        configuration.CheckAgreement(file);
        var tiesWordEmbeddings = file.Switch("tie_word_embeddings", fallback: true);
        file.ThrowIfFaulty();
        return configuration with { PoolsMean = SentenceModules.PoolsMean(directory), TiesWordEmbeddings = tiesWordEmbeddings };
    }

    /// <summary>Reads the settings of families that use BERT's keys.</summary>
    /// <param name="family">Gives model type and padding token.</param>
    /// <returns>A configuration whose embedding size is the hidden size; the caller changes it where a family has another.</returns>
    public static BackboneConfiguration ReadAsBert(ConfigurationFile file, BackboneFamily family)
    {
        file.Word("position_embedding_type", ["absolute"], fallback: "absolute");
        file.RequireOff("is_decoder");
        file.RequireOff("add_cross_attention");
        var hidden = file.Integer("hidden_size", minimum: 1);
        return new BackboneConfiguration
        {
            ModelType = family.ModelType,
            VocabularySize = file.Integer("vocab_size", minimum: 1),
            HiddenSize = hidden,
            EmbeddingSize = hidden,
            Layers = file.Layers("num_hidden_layers"),
            Heads = file.Integer("num_attention_heads", minimum: 1),
            FeedForwardSize = file.Integer("intermediate_size", minimum: 1),
            Activation = file.Word("hidden_act", Backbones.Layers.Activation.Names),
            MaxPositionEmbeddings = file.Integer("max_position_embeddings", minimum: 1),
            SegmentTypes = file.Integer("type_vocab_size", minimum: 1),
            LayerNormEpsilon = file.Positive("layer_norm_eps", fallback: 1e-12),
            PadTokenId = file.Integer("pad_token_id", minimum: 0, fallback: family.DefaultPadTokenId),
            StatesPadToken = file.Has("pad_token_id"),
        };
    }

    private void CheckAgreement(ConfigurationFile file)
    {
        if (Heads > 0 && HiddenSize % Heads != 0)
            file.Fault($"the hidden size {HiddenSize} is not a multiple of the {Heads} attention heads");
        if (VocabularySize > 0 && PadTokenId >= VocabularySize)
            file.Fault($"pad_token_id {PadTokenId} lies beyond vocab_size {VocabularySize}");
    }
}
