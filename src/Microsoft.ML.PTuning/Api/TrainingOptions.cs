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

    private readonly double _usualLearningRate;

    private protected TrainingOptions(int prefixLength = Default.PrefixLength, double learningRate = Default.LearningRate)
    {
        _usualLearningRate = learningRate;
        (PrefixLength, LearningRate) = (prefixLength, learningRate);
        Chosen = new(); // By the caller, nothing yet.
    }

    /// <summary>
    /// The frozen encoder: a folder in Hugging Face layout, a hub id that is already on this machine, <c>hf://</c> and a hub id, which <c>Fit</c>
    /// downloads if it is not (<see cref="PTuningContext.DownloadPTuningBackboneAsync"/>), or the name of a bundled encoder; null for the default,
    /// all-MiniLM-L6-v2 of the package Microsoft.ML.PTuning.Backbone.MiniLM where that is deployed, else mini-cased of
    /// Microsoft.ML.PTuning.Backbone.Mini.
    /// </summary>
    public string? Backbone { get; set => Chosen.Set(ref field, value); }

    /// <summary>
    /// How the encoder is adapted; null for P-Tuning v2 with the options of the prefix below, from <see cref="PrefixLength"/> to
    /// <see cref="PositionOffset"/>. They cannot be set beside another method.
    /// </summary>
    public TuningMethod? Method { get; set => Chosen.Set(ref field, value); }

    /// <summary>
    /// Prefix vectors per layer, P. 0 trains the head alone (linear probing). By default 20; for tags and answers 50, but 20 in a multi-task trainer.
    /// </summary>
    [Choice([8, 16, 20, 32, 64, 128], Default.PrefixLength)]
    public int PrefixLength { get; set => Chosen.Set(ref field, value); }

    /// <summary>Which layers get a prefix. A number selects so many from the top; 0, the default, all.</summary>
    public LayerSelection PrefixLayers { get; set => Chosen.Set(ref field, value); }

    /// <summary>
    /// Whether the prefix is the output of a small trained network (an MLP) instead of being trained itself. Helps some tasks, hurts others.
    /// </summary>
    [BooleanChoice(false)]
    public bool PrefixProjection { get; set => Chosen.Set(ref field, value); }

    /// <summary>Hidden size of that network.</summary>
    public int PrefixProjectionSize { get; set => Chosen.Set(ref field, value); } = 512;

    /// <summary>
    /// Whether each layer and head also trains a factor on the attention that its prefix gets. It starts at 0, so with <see cref="PositionOffset.None"/>
    /// training begins exactly at the frozen encoder. Its gradients need the attention written out, which takes more time and memory.
    /// </summary>
    [BooleanChoice(false)]
    public bool PrefixGate { get; set => Chosen.Set(ref field, value); }

    /// <summary>
    /// What the prefix is before training: random numbers, or the keys and values that the encoder computes for some words or rows. Not with a
    /// projection.
    /// </summary>
    public PromptStart PrefixStart { get; set => Chosen.Set(ref field, value); }

    /// <summary>The text whose words the prefix begins with (<see cref="PromptStart.Text"/>); repeated if it has fewer tokens than the prefix.</summary>
    public string? PrefixStartText { get; set => Chosen.Set(ref field, value); }

    /// <summary>Whether the prefix shifts the positions of the text, as in the official code, or leaves them as they are.</summary>
    public PositionOffset PositionOffset { get; set => Chosen.Set(ref field, value); } = PositionOffset.Prefix;

    /// <summary>Dropout while training on the prefix's keys and values, or on the vectors of a prompt.</summary>
    [Range(0.0, 0.3, 0.1)]
    public double PrefixDropout { get; set => Chosen.Set(ref field, value); } = 0.1;

    /// <summary>Dropout before the head while training.</summary>
    [Range(0.0, 0.3, 0.1)]
    public double HeadDropout { get; set => Chosen.Set(ref field, value); } = 0.1;

    /// <summary>Dropout inside the frozen encoder while training. The official code has 0.1; without it training is faster and no worse.</summary>
    public double BackboneDropout { get; set => Chosen.Set(ref field, value); }

    /// <summary>
    /// Whether to train with less memory: of the encoder's layers only what enters each is kept, and they are run again when the gradients are
    /// computed (Chen et al. 2016). A step takes about half as long again; the results are the same, but for rounding.
    /// </summary>
    public bool RecomputeActivations { get; set => Chosen.Set(ref field, value); }

    /// <summary>
    /// AdamW's highest learning rate. The option that matters most: 5e-3 to 3e-2 is usual, and 1e-4 to 1e-2 with a projection.
    /// <see cref="LearningRates.Auto"/> finds it before training. By default 1e-2; for numbers, tags and answers 2e-2, but 1e-2 in a multi-task trainer.
    /// Another <see cref="Method"/> has a default of its own.
    /// </summary>
    [Range(1e-4, 6e-2, Default.LearningRate, true)]
    public double LearningRate
    {
        get => Chosen.Has(nameof(LearningRate)) ? field : Method?.UsualLearningRate ?? field;
        set => Chosen.Set(ref field, value);
    }

    /// <summary>Rows of a training step. On the CPU a core learns from about 512 of their tokens at a time.</summary>
    [Choice([16, 32, 64], Default.BatchSize)]
    public int BatchSize { get; set => Chosen.Set(ref field, value); } = Default.BatchSize;

    /// <summary>
    /// Passes over the training rows. 0: enough to read 5,000 rows, at least 5 and at most 20; for tags, answers and written texts 15,000 rows, 10 to 20.
    /// Tasks that share a prefix take the largest number.
    /// </summary>
    [Range(5, 100, 10, true)]
    public int MaxEpochs { get; set => Chosen.Set(ref field, value); } = Default.MaxEpochs;

    /// <summary>Share of the steps in which the learning rate rises from 0, 0 to 1; after them it falls to 0, linearly.</summary>
    public double WarmupRatio { get; set => Chosen.Set(ref field, value); }

    /// <summary>AdamW's decoupled weight decay.</summary>
    public double WeightDecay { get; set => Chosen.Set(ref field, value); }

    /// <summary>Gradients are scaled down to this norm; 0 for no limit.</summary>
    public double MaxGradientNorm { get; set => Chosen.Set(ref field, value); } = 1;

    /// <summary>Epochs without improvement on the validation set after which training stops; 0 for never.</summary>
    public int EarlyStoppingPatience { get; set => Chosen.Set(ref field, value); }

    /// <summary>
    /// How often a training that goes wrong is taken back to its best state, to go on with half the learning rate
    /// (<see cref="TrainingRescueReason"/> says when); 0, the default, for never. <see cref="TrainingSummary.Rescues"/> tells of it.
    /// </summary>
    public int MaxRescues { get; set => Chosen.Set(ref field, value); }

    /// <summary>
    /// A folder for checkpoints, so that a training that was stopped is not lost: the next <c>Fit</c> with the same folder goes on where it was, and
    /// gives the same bits as one that was never stopped. Other rows, options or encoders are refused. Null for no checkpoints.
    /// </summary>
    /// <remarks>
    /// One is written after every epoch and every ten minutes; <see cref="Advanced"/> has other intervals. The last one holds the finished training.
    /// Delete the folder to train anew.
    /// </remarks>
    public string? CheckpointDirectory { get; set => Chosen.Set(ref field, value); }

    /// <summary>Receives a report after every step, on the training thread unless it is a <see cref="Progress{T}"/>.</summary>
    public IProgress<TrainingProgress>? Progress { get; set => Chosen.Set(ref field, value); }

    /// <summary>
    /// Cancels training before the next step; <c>Fit</c> then throws <see cref="OperationCanceledException"/>. With a
    /// <see cref="CheckpointDirectory"/>, the steps made so far are kept there.
    /// </summary>
    public CancellationToken CancellationToken { get; set => Chosen.Set(ref field, value); }

    /// <summary>Seed of initial values, order of rows and dropout; null for the context's, and where that has none, a new one each time.</summary>
    public int? Seed { get; set => Chosen.Set(ref field, value); }

    /// <summary>
    /// The type of number in which the encoder is held and computed. The 16-bit types halve its memory; CPUs without instructions for them
    /// are slow, and <see cref="BackbonePrecision.Auto"/> finds out. A saved model does not keep it: <see cref="PTuningContext.SetPTuningPrecision"/> says it for models that are
    /// loaded.
    /// </summary>
    public BackbonePrecision Precision { get; set => Chosen.Set(ref field, value); }

    /// <summary>The CUDA device to compute on; null for the context's.</summary>
    public int? GpuDeviceId { get; set => Chosen.Set(ref field, value); }

    /// <summary>Whether to compute on the CPU where that device is missing; null for the context's choice.</summary>
    public bool? FallbackToCpu { get; set => Chosen.Set(ref field, value); }

    /// <summary>How training is computed; for experts: <c>Advanced = { Shards = 2 }</c>.</summary>
    public AdvancedTrainingOptions Advanced { get; private set; } = new();

    private static IEnumerable<string> PrefixOptions { get; } =
        [nameof(PrefixLength), nameof(PrefixLayers), nameof(PrefixProjection), nameof(PrefixProjectionSize), nameof(PrefixStart),
        nameof(PrefixStartText), nameof(PrefixGate), nameof(PositionOffset)];

    /// <summary>Those of these options, the advanced ones among them, that the caller has set.</summary>
    internal IEnumerable<string> ChosenNames => [.. Chosen.Names, .. Advanced.Chosen.Names.Select(name => $"{nameof(Advanced)}.{name}")];

    private ChosenOptions Chosen { get; set; } = new();

    /// <summary>The method that is trained.</summary>
    internal TuningMethod TrainedMethod => Method
        ?? (PrefixLength == 0
            ? new LinearProbe()
            : new DeepPrefix
            {
                PrefixLength = PrefixLength,
                PrefixLayers = PrefixLayers,
                PositionOffset = PositionOffset,
                Gate = PrefixGate,
                Start = PrefixStart,
                StartText = PrefixStartText,
            });

    /// <summary>A copy, which what the caller changes later does not reach.</summary>
    private protected TrainingOptions Clone()
    {
        var copy = (TrainingOptions)MemberwiseClone();
        (copy.Advanced, copy.Chosen) = (Advanced.Copy(), Chosen.Copy());
        return copy;
    }

    /// <exception cref="ArgumentException">An option does not go with another.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    internal virtual void Check()
    {
        OptionRange.AtLeast(PrefixLength, 0);
        OptionRange.AtLeast(PrefixLayers.TopCount ?? 0, 0, nameof(PrefixLayers));
        OptionRange.AtLeast(PrefixProjectionSize, 1);
        OptionRange.AtLeast(BatchSize, 1);
        OptionRange.AtLeast(MaxEpochs, 0);
        OptionRange.AtLeast(EarlyStoppingPatience, 0);
        OptionRange.AtLeast(MaxRescues, 0);
        OptionRange.From(PrefixDropout, 0, 1);
        OptionRange.From(HeadDropout, 0, 1);
        OptionRange.From(BackboneDropout, 0, 1);
        OptionRange.From(WarmupRatio, 0, 1);
        OptionRange.From(WeightDecay, 0, double.PositiveInfinity);
        OptionRange.From(MaxGradientNorm, 0, double.PositiveInfinity);
        OptionRange.Defined(Precision);
        if (!(LearningRate is > 0 and <= MaxLearningRate or LearningRates.Auto))
            throw new ArgumentOutOfRangeException(
                nameof(LearningRate), LearningRate, "The learning rate must be LearningRates.Auto or a positive number of reasonable size; 1e-2 is usual.");
        Advanced.Check();
        if (CheckpointDirectory is not null && string.IsNullOrWhiteSpace(CheckpointDirectory))
            throw new ArgumentException("CheckpointDirectory is empty. Name a folder, or set null for no checkpoints.", nameof(CheckpointDirectory));
        PromptArrangement.Check(PrefixStart, PrefixStartText, nameof(PrefixStart), nameof(PrefixStartText));
        if (PrefixStart != PromptStart.Random && PrefixProjection)
            throw new ArgumentException(
                $"PrefixStart is {PrefixStart}, but with PrefixProjection a network makes the prefix. Set one of them only.", nameof(PrefixStart));
        if (PrefixGate && Precision == BackbonePrecision.Float16)
            throw new ArgumentException(
                "PrefixGate does not train in Float16, where a closed gate has no gradient. Use Float32 or BFloat16.", nameof(PrefixGate));
        Method?.Check();
        if (Method is { } method && PrefixOptions.FirstOrDefault(Chosen.Has) is { } prefix)
            throw new ArgumentException(
                $"{prefix} is an option of P-Tuning v2, but Method is {method.GetType().Name}. Set the properties of the method, or leave Method null.", prefix);
    }

    /// <summary>Parts of a batch: one per core, but not so many that a shard has too few rows to be worth a core.</summary>
    internal int ShardsOn(Device device) =>
        device.type != DeviceType.CPU ? 1
        : Advanced.Shards > 0 ? Advanced.Shards
        : Math.Clamp(BatchSize / 4, 1, Environment.ProcessorCount);

    internal virtual TrainingSettings Settings(int seed, int shards, Action<string> log, Action checkCancelled) => new()
    {
        LearningRate = LearningRate,
        UsualLearningRate = Method?.UsualLearningRate ?? _usualLearningRate,
        BatchSize = BatchSize,
        MaxEpochs = MaxEpochs,
        WarmupRatio = WarmupRatio,
        WeightDecay = WeightDecay,
        MaxGradientNorm = MaxGradientNorm,
        EarlyStoppingPatience = EarlyStoppingPatience,
        MaxRescues = MaxRescues,
        ProjectionSize = PrefixProjection ? PrefixProjectionSize : 0,
        PrefixDropout = PrefixDropout,
        HeadDropout = HeadDropout,
        BackboneDropout = BackboneDropout,
        TrunkCache = Advanced.TrunkCache,
        RecomputeActivations = RecomputeActivations,
        Checkpoints = CheckpointDirectory is null ? null : new(CheckpointDirectory)
        {
            Steps = Advanced.CheckpointSteps,
            Epochs = Advanced.CheckpointEpochs,
            Minutes = Advanced.CheckpointMinutes,
            Kept = Advanced.CheckpointsKept,
            SessionSeed = seed,
        },
        Shards = shards,
        ShardComputer = Advanced.ShardComputer,
        CancellationToken = CancellationToken,
        Seed = seed,
        Progress = Progress,
        Log = log,
        CheckCancelled = checkCancelled,
    };
}
