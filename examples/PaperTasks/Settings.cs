using Microsoft.ML.PTuning;

namespace PaperTasks;

/// <summary>What the command line says about training; null where it says nothing.</summary>
internal sealed record RequestedSettings(
    int? PrefixLength, LayerSelection? PrefixLayers, bool? Projection, double? LearningRate, int? Epochs, int? BatchSize, int? MaxLength,
    PositionOffset? PositionOffset, Pooling? Pooling, bool PadToMax, IReadOnlyList<int> Seeds, bool KeepsBestEpoch = true)
{
    /// <summary>What the vectors of a prompt or a prefix are before training.</summary>
    public PromptStart? PromptStart { get; init; }

    /// <summary>The text of <see cref="PromptStart.Text"/>.</summary>
    public string? PromptStartText { get; init; }

    /// <summary>Whether a prefix has trained gates.</summary>
    public bool PrefixGate { get; init; }

    /// <summary>Where they stand.</summary>
    public PromptPlacement? PromptPlacement { get; init; }

    /// <summary>What makes the vectors of P-tuning v1.</summary>
    public PromptNetworkKind? Network { get; init; }

    /// <summary>How many prompts a mixture has.</summary>
    public int? Prompts { get; init; }

    /// <summary>Of LoRA's products.</summary>
    public int? Rank { get; init; }

    /// <summary>Words around a text, with a gap or without.</summary>
    public string? Pattern { get; init; }

    /// <summary>What stands for the classes at the gap.</summary>
    public Verbalizer? Words { get; init; }

    /// <summary>How texts are written; null for the library's defaults.</summary>
    public WritingSettings? Writing { get; init; }
}

/// <summary>Every hyper-parameter of a run: the command line's, else the preset's, else the library's.</summary>
/// <remarks>A preset's learning rate is that of a prefix. Methods with a usual rate of their own take that.</remarks>
/// <param name="Epochs">0 for a number that follows from the rows.</param>
/// <param name="KeepsBestEpoch">Whether the epoch that is best on the judged rows is kept, as in the paper; else the last one.</param>
internal sealed record Settings(
    int PrefixLength, LayerSelection PrefixLayers, bool Projection, double LearningRate, int Epochs, int BatchSize, int MaxLength,
    PositionOffset PositionOffset, Pooling Pooling, bool PadToMax, double PrefixDropout, double HeadDropout, double BackboneDropout, IReadOnlyList<int> Seeds,
    bool KeepsBestEpoch)
{
    /// <summary>Seed of a run where neither the command line nor a preset names one.</summary>
    public const int DefaultSeed = 1;

    /// <summary>What the vectors of a prefix are before training.</summary>
    public PromptStart PrefixStart { get; init; }

    /// <inheritdoc cref="RequestedSettings.PromptStartText"/>
    public string? PrefixStartText { get; init; }

    /// <inheritdoc cref="RequestedSettings.PrefixGate"/>
    public bool PrefixGate { get; init; }

    /// <summary>How the library adapts the encoder; null for a prefix, or where the method is not the library's.</summary>
    public TuningMethod? Tuning { get; init; }

    /// <inheritdoc cref="RequestedSettings.Pattern"/>
    public string? Pattern { get; init; }

    /// <inheritdoc cref="RequestedSettings.Words"/>
    public Verbalizer? Words { get; init; }

    /// <summary>How texts are written.</summary>
    public required WritingSettings Writing { get; init; }

    /// <param name="hasPrefix">Whether the method trains a prefix.</param>
    /// <param name="library">What the library takes for granted in this kind of task.</param>
    public static Settings Resolve(bool hasPrefix, RequestedSettings requested, Preset? preset, PTuningV2Trainer.Options library) => new(
        PrefixLength: hasPrefix ? requested.PrefixLength ?? preset?.PrefixLength ?? library.PrefixLength : 0,
        PrefixLayers: hasPrefix ? requested.PrefixLayers ?? library.PrefixLayers : LayerSelection.All,
        Projection: hasPrefix && (requested.Projection ?? preset?.Projection ?? library.PrefixProjection),
        LearningRate: requested.LearningRate ?? library.Method?.UsualLearningRate ?? preset?.LearningRate ?? library.LearningRate,
        Epochs: requested.Epochs ?? preset?.Epochs ?? library.MaxEpochs,
        BatchSize: requested.BatchSize ?? preset?.BatchSize ?? library.BatchSize,
        MaxLength: requested.MaxLength ?? preset?.MaxLength ?? library.MaxLength,
        PositionOffset: requested.PositionOffset ?? library.PositionOffset,
        Pooling: requested.Pooling ?? (requested.Words is null ? preset?.Pooling : null) ?? Pooling.Automatic,
        PadToMax: requested.PadToMax,
        PrefixDropout: preset?.Dropout ?? library.PrefixDropout,
        HeadDropout: preset?.Dropout ?? library.HeadDropout,
        BackboneDropout: preset?.Dropout ?? library.BackboneDropout,
        Seeds: requested.Seeds.Count > 0 ? requested.Seeds : [preset?.Seed ?? DefaultSeed],
        KeepsBestEpoch: requested.KeepsBestEpoch)
    {
        PrefixGate = hasPrefix && requested.PrefixGate,
        PrefixStart = hasPrefix ? requested.PromptStart ?? library.PrefixStart : default,
        PrefixStartText = hasPrefix ? requested.PromptStartText : null,
        Tuning = library.Method,
        Pattern = requested.Pattern,
        Words = requested.Words,
        Writing = requested.Writing ?? WritingSettings.Usual,
    };
}
