using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tokenization;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>A binary classifier as training begins with it, prefix and head at random: what it costs does not depend on what it learned.</summary>
internal sealed class UntrainedModel : IDisposable
{
    /// <summary>The encoder of the rows that name no other: small, so that what stands around an encoder weighs most.</summary>
    public const string SmallEncoder = "mini-cased";

    public const int PrefixLength = 20;

    /// <summary>Most tokens of a row, where no other number is given.</summary>
    public const int MaxLength = 128;

    private readonly TuningMethod _method;
    private readonly string? _encoder;
    private readonly OpenBackbone _backbone;

    /// <param name="encoder">The encoder's folder; null for the default encoder.</param>
    /// <param name="prefixLayers">How many layers, counted from the top, have a prefix; 0 for all.</param>
    /// <param name="maxLength">Most tokens of a row.</param>
    /// <param name="method">How the encoder is adapted; null for a deep prefix.</param>
    /// <param name="pooling">How a text becomes one vector.</param>
    /// <param name="precision">The encoder's type of number.</param>
    public UntrainedModel(
        string? encoder = SmallEncoder, int prefixLayers = 0, int maxLength = MaxLength, TuningMethod? method = null,
        Pooling pooling = Pooling.Automatic, BackbonePrecision precision = BackbonePrecision.Float32)
    {
        (_encoder, _method) = (encoder, method ?? new DeepPrefix { PrefixLength = PrefixLength, PrefixLayers = prefixLayers });
        Precision = precision.On(CPU);
        _backbone = BackboneLibrary.Open(encoder, CPU, Precision);
        Task = new()
        {
            Pooling = pooling.ResolvedOver(Backbone),
            MaxLength = maxLength,
            LabelColumnName = nameof(TextRow.Label),
            Sentence1ColumnName = nameof(TextRow.Sentence1),
            ScoreColumnName = "Score",
            PredictedLabelColumnName = "PredictedLabel",
            ProbabilityColumnName = "Probability",
        };
        Network = new(_method.Adapt(Backbone), Task.Head);
        Tensors = new();
        foreach (var tensor in _method.Declare(Backbone))
            Tensors.Add(tensor.Name, Weight(tensor.Shape));
        foreach (var (name, tensor) in NewHead())
            Tensors.Add(name, tensor);
    }

    public BinaryClassification Task { get; }

    public PromptNetwork Network { get; }

    public TrainedTensors Tensors { get; }

    public Backbone Backbone => _backbone.Lease.Backbone;

    /// <summary>The encoder's folder.</summary>
    public string Folder => _backbone.Lease.Directory;

    /// <summary>The type of number that the encoder has, never <see cref="BackbonePrecision.Auto"/>.</summary>
    public BackbonePrecision Precision { get; }

    public TextTokenizer Tokenizer => _backbone.Lease.Tokenizer;

    public int PadId => Tokenizer.PadId;

    /// <summary>Texts as tokens, on all cores.</summary>
    public EncodedRow[] Encode(IReadOnlyList<TextRow> rows)
    {
        var encoded = new EncodedRow[rows.Count];
        Parallel.For(0, rows.Count, i => encoded[i] = EncodedRow.Of(Tokenizer.Encode(rows[i].Sentence1, second: null, Task.MaxLength)));
        return encoded;
    }

    /// <summary>What the library scores with.</summary>
    public Predictor Predictor => new(Network, PadId, CPU);

    /// <summary>How the library trains by default, as many shards as there are threads.</summary>
    public static TrainingSettings Settings(int threads) => new PTuningV2Trainer.MulticlassOptions { MaxEpochs = 1, MaxLength = MaxLength }
        .Settings(seed: 1, threads, log: _ => { }, checkCancelled: () => { });

    /// <summary>What the library takes its steps with; it begins with values of its own.</summary>
    /// <param name="trunk">What leaves the trunk for the rows that steps are taken on; null to compute it in each.</param>
    public PromptOptimizer Optimizer(TrainingSettings settings, TrunkCache? trunk = null) =>
        new(settings, NewParameters(settings.ProjectionSize), [new LearnedTask(Task, Network, NewHead())], PadId, CPU, trunk);

    /// <summary>What leaves the trunk for some rows, computed and kept as in training of several epochs.</summary>
    public TrunkCache CacheTrunk(IReadOnlyList<Example> rows, TrainingSettings settings) =>
        TrunkCache.Create([new TrainingTask(Task, Network, new ExampleSet(rows, Skipped: 0), Validation: null)], epochs: 2, settings, PadId, CPU)!;

    /// <summary>A model that an application would have loaded, over the same encoder.</summary>
    public PTuningV2Transformer ToTransformer() =>
        new(new PromptModel(Task, _method, BackboneLibrary.Open(_encoder, CPU, Precision), Tensors.Copy(), summary: null, CPU), new MLContext());

    /// <summary>First values of a head for <see cref="Task"/>.</summary>
    public Dictionary<string, Tensor> NewHead() => Task.Head.Declare(Backbone).ToDictionary(tensor => tensor.Name, tensor => Weight(tensor.Shape));

    /// <summary>A trained tensor's first values.</summary>
    public static Tensor Weight(params long[] shape)
    {
        using var generator = new Generator(1);
        return Initializers.Normal(generator)(shape);
    }

    public void Dispose()
    {
        Tensors.Dispose();
        _backbone.Lease.Dispose();
    }

    private MethodParameters NewParameters(int projectionSize) =>
        _method.Create(Backbone, new FirstValues(Weight, Initializers.Zero, ProjectionSize: projectionSize));
}
