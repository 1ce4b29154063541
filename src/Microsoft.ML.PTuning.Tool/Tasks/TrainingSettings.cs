using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>Options of a training that the command line sets; null leaves the library's default.</summary>
internal sealed record TrainingSettings
{
    public string? Backbone { get; init; }

    public string? Method { get; init; }

    public int? PrefixLength { get; init; }

    /// <summary>How a text becomes one vector; for tasks with one answer per text.</summary>
    public Pooling? Pooling { get; init; }

    public double? LearningRate { get; init; }

    public int? Epochs { get; init; }

    public int? BatchSize { get; init; }

    public int? MaxLength { get; init; }

    /// <summary>Tokens that are written at most; for texts.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>Beginnings of a text that beam search keeps; for texts.</summary>
    public int? Beams { get; init; }

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
        // An option that is set counts as chosen, even with its default, so those that the command line does not name are not touched.
        if (Backbone is not null)
            options.Backbone = Backbone;
        if (Method is not null)
            options.Method = Methods[Method]();
        if (PrefixLength is { } prefixLength)
            options.PrefixLength = prefixLength;
        if (Pooling is { } pooling && options is PTuningV2Trainer.SentenceOptions sentences)
            sentences.Pooling = pooling;
        if (LearningRate is { } rate)
            options.LearningRate = rate;
        if (Epochs is { } epochs)
            options.MaxEpochs = epochs;
        if (BatchSize is { } batchSize)
            options.BatchSize = batchSize;
        if (MaxLength is { } maxLength)
            options.MaxLength = maxLength;
        if (options is PTuningV2Trainer.QuestionAnswerOptions answers && MaxLength is { } length)
            answers.DocumentStride = Math.Min(answers.DocumentStride, Math.Max(1, length / 3)); // The usual share.
        if (MaxNewTokens is not null || Beams is not null)
        {
            if (options is not PTuningV2Trainer.TextGenerationOptions texts)
                throw new DataException("--max-new-tokens and --beams are for the task writing. Leave them out, or name it with --task.");
            texts.Generation = new() { MaxNewTokens = MaxNewTokens ?? texts.Generation.MaxNewTokens, Beams = Beams ?? texts.Generation.Beams };
        }
        if (MaxRescues is { } rescues)
            options.MaxRescues = rescues;
        if (GpuDeviceId is { } device)
            options.GpuDeviceId = device;
        options.CheckpointDirectory = CheckpointDirectory;
        options.Seed = Seed;
        options.Progress = progress;
        options.CancellationToken = cancellationToken;
    }
}
