namespace Microsoft.ML.PTuning.Training;

/// <summary>How to train: the trainer's options without columns, backbone and environment.</summary>
internal sealed record TrainingSettings
{
    public required double LearningRate { get; init; }

    public required int BatchSize { get; init; }

    public required int MaxEpochs { get; init; }

    /// <summary>Share of the steps over which the learning rate rises from 0.</summary>
    public double WarmupRatio { get; init; }

    public double WeightDecay { get; init; }

    public double MaxGradientNorm { get; init; } = 1;

    /// <summary>Of tasks that share a prefix, each is drawn in proportion to the 1/<see cref="Temperature"/>-th power of its rows.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Epochs without improvement on the validation set before training stops; 0 for never.</summary>
    public int EarlyStoppingPatience { get; init; }

    /// <summary>Size of the reparameterisation, m; 0 for none.</summary>
    public int ProjectionSize { get; init; }

    public double PrefixDropout { get; init; }

    public double HeadDropout { get; init; }

    public double BackboneDropout { get; init; }

    /// <summary>How what leaves the trunk is kept between epochs; null where every epoch computes it.</summary>
    public TrunkCacheSettings? TrunkCache { get; init; }

    /// <summary>Tokens to pad every row to; 0 to pad to the longest of its batch.</summary>
    public int PadToLength { get; init; }

    /// <summary>Whether the tuned layers are run again in the backward pass instead of keeping their activations.</summary>
    public bool RecomputeActivations { get; init; }

    /// <summary>Parts of a batch that are computed side by side.</summary>
    public int Shards { get; init; } = 1;

    public int Seed { get; init; }

    /// <summary>All random numbers of the training.</summary>
    public RandomStreams Random => new(Seed);

    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>Takes a line an epoch.</summary>
    public Action<string> Log { get; init; } = _ => { };

    /// <summary>Throws where the work has been cancelled; asked before every step and every batch of a validation, on any thread.</summary>
    public Action CheckCancelled { get; init; } = () => { };

    /// <summary>The learning rate of a step: linear warm-up, then linear decay to 0.</summary>
    /// <param name="step">Steps done before it.</param>
    public double LearningRateAt(int step, int steps)
    {
        var warmup = WarmupRatio * steps;
        return LearningRate * (step < warmup ? step / warmup : (steps - step) / (steps - warmup));
    }
}
