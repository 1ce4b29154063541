using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Training;
using Microsoft.ML.SearchSpace;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning;

/// <summary>How a prefix and its heads are trained, whatever they learn.</summary>
/// <remarks>Those worth sweeping carry the search space of ML.NET's AutoML.</remarks>
public abstract class TrainingOptions
{
    /// <summary>Beyond it, steps overflow F32.</summary>
    private const double MaxLearningRate = 1e30;

    /// <summary>
    /// The frozen encoder: a folder in Hugging Face layout, a hub id that is already on this machine, or the name of a bundled encoder;
    /// null for the default, all-MiniLM-L6-v2 of the package Microsoft.ML.PTuning.Backbone.MiniLM where that is deployed, else mini-cased of
    /// Microsoft.ML.PTuning.Backbone.Mini.
    /// </summary>
    public string? Backbone { get; set; }

    /// <summary>
    /// Prefix vectors per layer, P. 0 trains the head alone (linear probing). 20 where nothing else is said; 50 for tags and answers, but 20 in a multi-task trainer.
    /// </summary>
    [Choice([8, 16, 20, 32, 64, 128], 20)]
    public int PrefixLength { get; set; } = 20;

    /// <summary>How many layers, counted from the top, get a prefix; 0 for all.</summary>
    public int PrefixLayers { get; set; }

    /// <summary>
    /// Whether the prefix is the output of a small trained network (an MLP) instead of being trained itself. Helps some tasks, hurts others.
    /// </summary>
    [BooleanChoice(false)]
    public bool PrefixProjection { get; set; }

    /// <summary>Hidden size of that network.</summary>
    public int PrefixProjectionSize { get; set; } = 512;

    /// <summary>Whether the prefix shifts the positions of the text, as in the official code, or leaves them as they are.</summary>
    public PositionOffset PositionOffset { get; set; } = PositionOffset.Prefix;

    /// <summary>Dropout on the prefix's keys and values while training.</summary>
    [Range(0.0, 0.3, 0.1)]
    public double PrefixDropout { get; set; } = 0.1;

    /// <summary>Dropout before the head while training.</summary>
    [Range(0.0, 0.3, 0.1)]
    public double HeadDropout { get; set; } = 0.1;

    /// <summary>Dropout inside the frozen encoder while training. The official code has 0.1; without it training is faster and no worse.</summary>
    public double BackboneDropout { get; set; }

    /// <summary>
    /// Whether what leaves the layers below the prefix is computed once and kept, instead of in every epoch: with <see cref="PrefixLayers"/>, or
    /// with no prefix at all, it never changes. It does with <see cref="BackboneDropout"/>, and is not kept then.
    /// </summary>
    public bool CacheTrunk { get; set; } = true;

    /// <summary>
    /// Megabytes of memory for what is kept: 4 bytes (F16: 2) a token and hidden unit. Where more is needed, all of it goes to a file in
    /// <see cref="MLContext.TempFilePath"/> (as it is when the trainer is made), which is gone when training ends; 0 for the file always. Where that would take more than half of the
    /// disk's free space, nothing is kept, and the log says so.
    /// </summary>
    public int TrunkCacheMemoryMegabytes { get; set; } = 1024;

    /// <summary>Whether it is kept in F16: half the size, numbers of 3 digits.</summary>
    public bool HalfPrecisionTrunkCache { get; set; }

    /// <summary>
    /// Whether to train with less memory: of the encoder's layers only what enters each is kept, and they are run again when the gradients are
    /// computed (Chen et al. 2016). A step takes about half as long again; the results are the same, but for rounding.
    /// </summary>
    public bool RecomputeActivations { get; set; }

    /// <summary>Parts of a batch that are computed side by side on the CPU; 0 for one per core, of 4 rows or more. The same number gives the same bits.</summary>
    public int Shards { get; set; }

    /// <summary>
    /// AdamW's highest learning rate. The option that matters most: 5e-3 to 3e-2 is usual, and 1e-4 to 1e-2 with a projection.
    /// 1e-2 where nothing else is said; 2e-2 for tags and answers, but 1e-2 in a multi-task trainer.
    /// </summary>
    [Range(1e-4, 6e-2, 1e-2, true)]
    public double LearningRate { get; set; } = 1e-2;

    /// <summary>Rows of a training step. On the CPU a core learns from about 512 of their tokens at a time.</summary>
    [Choice([16, 32, 64], 32)]
    public int BatchSize { get; set; } = 32;

    /// <summary>
    /// Passes over the training rows. 0: enough to read 5,000 rows, at least 5 and at most 20; for tags and answers 15,000 rows, 10 to 20. Tasks that
    /// share a prefix take the largest number.
    /// </summary>
    [Range(5, 100, 10, true)]
    public int MaxEpochs { get; set; }

    /// <summary>Share of the steps in which the learning rate rises from 0, 0 to 1; after them it falls to 0, linearly.</summary>
    public double WarmupRatio { get; set; }

    /// <summary>AdamW's decoupled weight decay.</summary>
    public double WeightDecay { get; set; }

    /// <summary>Gradients are scaled down to this norm; 0 for no limit.</summary>
    public double MaxGradientNorm { get; set; } = 1;

    /// <summary>Epochs without improvement on the validation set after which training stops; 0 for never.</summary>
    public int EarlyStoppingPatience { get; set; }

    /// <summary>Is told of every step, on the training thread unless it is a <see cref="Progress{T}"/>.</summary>
    public IProgress<TrainingProgress>? Progress { get; set; }

    /// <summary>Cancels training before the next step; <c>Fit</c> then throws <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken CancellationToken { get; set; }

    /// <summary>Seed of initial values, order of rows and dropout; null for the context's, and where that has none, a new one each time.</summary>
    public int? Seed { get; set; }

    /// <summary>
    /// The type of number in which the encoder is held and computed. The 16-bit types halve its memory and are meant for GPUs; CPUs without
    /// instructions for them are slow. A saved model does not keep it: the option PTuning.Precision of the <see cref="MLContext"/> says it for models
    /// that are loaded.
    /// </summary>
    public BackbonePrecision Precision { get; set; }

    /// <summary>The CUDA device to compute on; null for the context's.</summary>
    public int? GpuDeviceId { get; set; }

    /// <summary>Whether to compute on the CPU where that device is missing; null for the context's choice.</summary>
    public bool? FallbackToCpu { get; set; }

    internal Method Method => PrefixLength == 0
        ? new LinearProbe()
        : new DeepPrefix { PrefixLength = PrefixLength, PrefixLayers = PrefixLayers, PositionOffset = PositionOffset };

    /// <exception cref="ArgumentException">An option does not go with another.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    internal virtual void Check()
    {
        AtLeast(PrefixLength, 0, nameof(PrefixLength));
        AtLeast(PrefixLayers, 0, nameof(PrefixLayers));
        AtLeast(PrefixProjectionSize, 1, nameof(PrefixProjectionSize));
        AtLeast(TrunkCacheMemoryMegabytes, 0, nameof(TrunkCacheMemoryMegabytes));
        AtLeast(Shards, 0, nameof(Shards));
        AtLeast(BatchSize, 1, nameof(BatchSize));
        AtLeast(MaxEpochs, 0, nameof(MaxEpochs));
        AtLeast(EarlyStoppingPatience, 0, nameof(EarlyStoppingPatience));
        InRange(PrefixDropout, 0, 1, nameof(PrefixDropout));
        InRange(HeadDropout, 0, 1, nameof(HeadDropout));
        InRange(BackboneDropout, 0, 1, nameof(BackboneDropout));
        InRange(WarmupRatio, 0, 1, nameof(WarmupRatio));
        InRange(WeightDecay, 0, double.PositiveInfinity, nameof(WeightDecay));
        InRange(MaxGradientNorm, 0, double.PositiveInfinity, nameof(MaxGradientNorm));
        if (!Enum.IsDefined(Precision))
            throw new ArgumentOutOfRangeException(nameof(Precision), Precision, $"Precision must be one of {BackbonePrecisions.Names}.");
        if (!(LearningRate is > 0 and <= MaxLearningRate))
            throw new ArgumentOutOfRangeException(
                nameof(LearningRate), LearningRate, "The learning rate must be a positive number of reasonable size; 1e-2 is usual.");
    }

    /// <summary>Parts of a batch: one per core, but not so many that a shard has too few rows to be worth a core.</summary>
    internal int ShardsOn(Device device) =>
        device.type != DeviceType.CPU ? 1
        : Shards > 0 ? Shards
        : Math.Clamp(BatchSize / 4, 1, Environment.ProcessorCount);

    internal virtual TrainingSettings Settings(int seed, int shards, Action<string> log, Action checkCancelled) => new()
    {
        LearningRate = LearningRate,
        BatchSize = BatchSize,
        MaxEpochs = MaxEpochs,
        WarmupRatio = WarmupRatio,
        WeightDecay = WeightDecay,
        MaxGradientNorm = MaxGradientNorm,
        EarlyStoppingPatience = EarlyStoppingPatience,
        ProjectionSize = PrefixProjection ? PrefixProjectionSize : 0,
        PrefixDropout = PrefixDropout,
        HeadDropout = HeadDropout,
        BackboneDropout = BackboneDropout,
        TrunkCache = CacheTrunk
            ? new((long)TrunkCacheMemoryMegabytes << 20, HalfPrecisionTrunkCache ? ScalarType.Float16 : ScalarType.Float32)
            : null,
        RecomputeActivations = RecomputeActivations,
        Shards = shards,
        Seed = seed,
        Progress = Progress,
        Log = log,
        CheckCancelled = checkCancelled,
    };

    private protected static void AtLeast(int value, int least, string name)
    {
        if (value < least)
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be {least} or more.");
    }

    private static void InRange(double value, double from, double below, string name)
    {
        if (!(value >= from && value < below))
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be at least {from} and less than {below}.");
    }
}
