using Microsoft.ML;
using Microsoft.ML.PTuning;
using PaperTasks.DataSets;

namespace PaperTasks.Methods;

/// <summary>A way to learn a task: the trained prefix, and the yardsticks that it is compared with.</summary>
/// <param name="Name">On the command line.</param>
/// <param name="Summary">What the help says of it.</param>
internal abstract record Method(string Name, string Summary)
{
    /// <summary>The methods of the command line, the simplest first.</summary>
    public static IReadOnlyList<Method> All { get; } =
        [new Majority(), new BagOfWords(), new MeanEmbedding(), new NearestText(), .. LibraryMethod.Known];

    public static Method Named(string name) => All.Single(method => method.Name == name);

    /// <summary>Whether the options of the prefix count.</summary>
    public virtual bool HasPrefix => false;

    /// <summary>Whether the prefix is always trained through a network.</summary>
    public virtual bool ProjectsPrefix => false;

    /// <summary>How the library adapts the encoder; null where it does not, or by the options of the prefix.</summary>
    public virtual TuningMethod? Tuning(RequestedSettings requested) => null;

    /// <summary>What is asked for, and what the method itself decides.</summary>
    public RequestedSettings Adjust(RequestedSettings requested) => ProjectsPrefix ? requested with { Projection = true } : requested;

    /// <summary>Whether there is a model to save.</summary>
    public virtual bool CanSave => false;

    /// <summary>Whether the method can learn a task.</summary>
    public virtual bool Suits(PaperTask task) => true;

    /// <summary>The rows in the shape that the method learns.</summary>
    public virtual TaskData Shape(TaskData data) => data;

    /// <summary>The settings that count, under their names in the report.</summary>
    public virtual object Options(Settings settings) => new { };

    /// <param name="run">The rows and how they are learned.</param>
    /// <param name="train">The training rows as ML.NET sees them.</param>
    /// <param name="dev">The rows that are judged. Only a method that keeps the best epoch reads them.</param>
    public abstract Learned Learn(TrainingRun run, IDataView train, IDataView dev);

    protected NotSupportedException Refuse(TaskData data) => new($"{Name} does not learn {data.GetType().Name}.");
}

/// <summary>One training: the rows and how they are learned.</summary>
/// <param name="Backbone">Folder of the encoder; null for the default one.</param>
/// <param name="Seed">Of everything random.</param>
/// <param name="Gpu">The CUDA device to compute on; null for the CPU.</param>
internal sealed record TrainingRun(
    TaskData Data, Settings Settings, string? Backbone, int Seed, IProgress<TrainingProgress> Progress, CancellationToken CancellationToken,
    int? Gpu = null)
{
    /// <summary>The tasks that train the prefix together; null where the rows are learned alone.</summary>
    public SharedTraining? Shared { get; init; }

    /// <summary>Folder in which a stopped training is found again; null for none.</summary>
    public string? Checkpoints { get; init; }

    /// <summary>The encoder's type of number; null for the library's default.</summary>
    public BackbonePrecision? Precision { get; init; }

    /// <summary>How often a training that goes wrong is taken back; null for the library's default.</summary>
    public int? Rescues { get; init; }

    public MLContext Context { get; } = new(Seed) { GpuDeviceId = Gpu, FallbackToCpu = false };
}

/// <summary>What a method has learned.</summary>
/// <param name="Score">Adds the predicted columns to rows.</param>
/// <param name="Encoder">Name of the encoder; null where the method has none.</param>
/// <param name="Owned">Disposed with this.</param>
internal sealed record Learned(Func<IDataView, IDataView> Score, string? Encoder = null, IDisposable? Owned = null) : IDisposable
{
    /// <summary>The trained model; null where the method trains none of the library's.</summary>
    public PTuningV2Transformer? Model => Owned as PTuningV2Transformer;

    public void Dispose() => Owned?.Dispose();
}
