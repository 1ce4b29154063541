using Microsoft.ML.PTuning.Training.Resuming;

namespace Microsoft.ML.PTuning.Training;

/// <summary>How to train: the trainer's options without columns, backbone and environment.</summary>
internal sealed record TrainingSettings
{
    /// <summary>The highest; <see cref="LearningRates.Auto"/> to find it before training.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The rate where a test finds none.</summary>
    public double UsualLearningRate { get; init; } = Default.LearningRate;

    public required int BatchSize { get; init; }

    public required int MaxEpochs { get; init; }

    /// <summary>Share of the steps over which the learning rate rises from 0.</summary>
    public double WarmupRatio { get; init; }

    public double WeightDecay { get; init; }

    public double MaxGradientNorm { get; init; } = 1;

    /// <summary>Tasks that share a prefix are drawn in proportion to the 1/<see cref="Temperature"/>-th power of their rows.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Epochs without improvement on the validation set before training stops; 0 for never.</summary>
    public int EarlyStoppingPatience { get; init; }

    /// <summary>How often a training that goes wrong is taken back; 0 for never.</summary>
    public int MaxRescues { get; init; }

    /// <summary>Size of the reparameterisation, m; 0 for none.</summary>
    public int ProjectionSize { get; init; }

    public double PrefixDropout { get; init; }

    public double HeadDropout { get; init; }

    public double BackboneDropout { get; init; }

    /// <summary>How the trunk's output is cached between epochs; null if every epoch computes it.</summary>
    public TrunkCacheSettings? TrunkCache { get; init; }

    /// <summary>Where and when the state of the training is written; null for never.</summary>
    public CheckpointSettings? Checkpoints { get; init; }

    /// <summary>Tokens to pad every row to; 0 to pad to the longest row of the batch.</summary>
    public int PadToLength { get; init; }

    /// <summary>Whether the tuned layers are run again in the backward pass instead of keeping their activations.</summary>
    public bool RecomputeActivations { get; init; }

    /// <summary>Parts of a batch that are computed side by side.</summary>
    public int Shards { get; init; } = 1;

    public int Seed { get; init; }

    /// <summary>All random numbers of the training.</summary>
    public RandomStreams Random => new(Seed);

    /// <summary>Computes the shards elsewhere; null to compute them here.</summary>
    public IShardComputer? ShardComputer { get; init; }

    /// <summary>Cancels what is asked of <see cref="ShardComputer"/>.</summary>
    public CancellationToken CancellationToken { get; init; }

    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>Receives a line per epoch.</summary>
    public Action<string> Log { get; init; } = _ => { };

    /// <summary>Throws if the work has been cancelled; called before every step and every validation batch, on any thread.</summary>
    public Action CheckCancelled { get; init; } = () => { };

    /// <summary>The learning rate of a step: linear warm-up, then linear decay to 0.</summary>
    /// <param name="step">Steps done before it.</param>
    public double LearningRateAt(int step, int steps)
    {
        var warmup = WarmupRatio * steps;
        return LearningRate * (step < warmup ? step / warmup : (steps - step) / (steps - warmup));
    }
}
