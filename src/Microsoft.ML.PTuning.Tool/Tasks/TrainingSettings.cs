namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>Options of a training that the command line sets; null leaves the library's default.</summary>
internal sealed record TrainingSettings
{
    public string? Backbone { get; init; }

    public string? Method { get; init; }

    public int? PrefixLength { get; init; }

    public double? LearningRate { get; init; }

    public int? Epochs { get; init; }

    public int? BatchSize { get; init; }

    public int? MaxLength { get; init; }

    public int Seed { get; init; } = 1;

    public int? MaxRescues { get; init; }

    public string? CheckpointDirectory { get; init; }

    public int? GpuDeviceId { get; init; }

    /// <summary>The methods that <c>--method</c> names; one that needs settings of its own is left to the library's API.</summary>
    public static IReadOnlyDictionary<string, Func<TuningMethod?>> Methods { get; } = new Dictionary<string, Func<TuningMethod?>>
    {
        ["p-tuning-v2"] = () => null,
        ["prompt-tuning"] = () => new PromptTuning(),
        ["p-tuning-v1"] = () => new PTuningV1(),
        ["lora"] = () => new LowRankAdaptation(),
        ["bitfit"] = () => new BitFit(),
        ["fine-tuning"] = () => new FineTuning(),
        ["linear-probe"] = () => new LinearProbe(),
    };

    public void Apply(PTuningV2Trainer.Options options, IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        options.Backbone = Backbone ?? options.Backbone;
        options.Method = Method is null ? options.Method : Methods[Method]();
        options.PrefixLength = PrefixLength ?? options.PrefixLength;
        options.LearningRate = LearningRate ?? options.LearningRate;
        options.MaxEpochs = Epochs ?? options.MaxEpochs;
        options.BatchSize = BatchSize ?? options.BatchSize;
        options.MaxLength = MaxLength ?? options.MaxLength;
        options.MaxRescues = MaxRescues ?? options.MaxRescues;
        options.CheckpointDirectory = CheckpointDirectory ?? options.CheckpointDirectory;
        options.GpuDeviceId = GpuDeviceId ?? options.GpuDeviceId;
        options.Seed = Seed;
        options.Progress = progress;
        options.CancellationToken = cancellationToken;
    }
}
