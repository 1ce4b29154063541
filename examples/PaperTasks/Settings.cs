using Microsoft.ML.PTuning;

namespace PaperTasks;

/// <summary>What the command line says about training; null where it says nothing.</summary>
internal sealed record RequestedSettings(
    int? PrefixLength, int? PrefixLayers, bool? Projection, double? LearningRate, int? Epochs, int? BatchSize, int? MaxLength,
    PositionOffset? PositionOffset, bool PadToMax, IReadOnlyList<int> Seeds);

/// <summary>Every hyper-parameter of a run: the command line's, else the preset's, else the library's.</summary>
internal sealed record Settings(
    int PrefixLength, int PrefixLayers, bool Projection, double LearningRate, int Epochs, int BatchSize, int MaxLength,
    PositionOffset PositionOffset, bool PadToMax, double PrefixDropout, double HeadDropout, double BackboneDropout, IReadOnlyList<int> Seeds)
{
    public const string PTuning = "ptuning-v2";
    public const string LinearProbe = "linear-probe";

    /// <summary>Seed of a run where neither the command line nor a preset names one.</summary>
    public const int DefaultSeed = 1;

    public static Settings Resolve(string method, RequestedSettings requested, Preset? preset)
    {
        var library = new PTuningV2Trainer.Options();
        bool hasPrefix = method == PTuning;
        return new Settings(
            PrefixLength: hasPrefix ? requested.PrefixLength ?? preset?.PrefixLength ?? library.PrefixLength : 0,
            PrefixLayers: hasPrefix ? requested.PrefixLayers ?? library.PrefixLayers : 0,
            Projection: hasPrefix && (requested.Projection ?? preset?.Projection ?? library.PrefixProjection),
            LearningRate: requested.LearningRate ?? preset?.LearningRate ?? library.LearningRate,
            Epochs: requested.Epochs ?? preset?.Epochs ?? library.MaxEpochs,
            BatchSize: requested.BatchSize ?? preset?.BatchSize ?? library.BatchSize,
            MaxLength: requested.MaxLength ?? preset?.MaxLength ?? library.MaxLength,
            PositionOffset: requested.PositionOffset ?? library.PositionOffset,
            PadToMax: requested.PadToMax,
            PrefixDropout: preset?.Dropout ?? library.PrefixDropout,
            HeadDropout: preset?.Dropout ?? library.HeadDropout,
            BackboneDropout: preset?.Dropout ?? library.BackboneDropout,
            Seeds: requested.Seeds.Count > 0 ? requested.Seeds : [preset?.Seed ?? DefaultSeed]);
    }
}
