namespace Microsoft.ML.PTuning.Serving;

/// <summary>Which models are served, and within which limits. The section <c>PTuning</c> of the configuration sets the same names.</summary>
/// <remarks>Options are checked when the application starts, and read once.</remarks>
/// <example>
/// <code>
/// var options = new PTuningModelsOptions { ModelsDirectory = "models", TensorBudgetBytes = 200_000_000 };
/// </code>
/// </example>
public class PTuningModelsOptions
{
    /// <summary>The section of the configuration that is bound to the options: <c>PTuning</c>.</summary>
    public const string SectionName = "PTuning";

    /// <summary>
    /// The folder whose <c>.zip</c> files are the models; a file's name without the ending is the model's name. <c>mlContext.Model.Save</c> wrote them,
    /// with the schema of the training rows. Relative folders are relative to the application's content root. Only trusted people may write to it,
    /// because ML.NET runs what a pipeline names.
    /// </summary>
    public string ModelsDirectory { get; set; } = "models";

    /// <summary>
    /// How many bytes the tensors of loaded models take together, as saved in F32; the encoder does not count. Before a model is loaded, those that
    /// were not used for the longest time are unloaded. Models that rows are on their way through stay, so the budget is exceeded while all are in use.
    /// A model that is larger than the budget is refused.
    /// </summary>
    public long TensorBudgetBytes { get; set; } = 200_000_000;

    /// <summary>How often the folder is read again, in case the system did not report a change.</summary>
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a changed file must have stayed as it is before it replaces its loaded model, in case it is still written.</summary>
    public TimeSpan SettleTime { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The folder where models look for their encoder first; null for the usual places.</summary>
    public string? BackboneDirectory { get; set; }

    /// <summary>The number type in which encoders are stored and computed; null for what the application says, else <see cref="BackbonePrecision.Auto"/>.</summary>
    public BackbonePrecision? Precision { get; set; }

    /// <summary>The GPU to compute on; null for the CPU.</summary>
    public int? GpuDeviceId { get; set; }

    /// <summary>The CPU cores that scoring uses; null for all.</summary>
    public int? ScoringCores { get; set; }

    /// <summary>How many calls may wait per encoder; further ones are refused with a <see cref="PredictionQueueFullException"/>.</summary>
    public int QueueCapacity { get; set; } = 1024;

    /// <summary>
    /// How long calls may wait for their batch. While more waits than the cores compute in this time, calls are refused as if the queue were full. Streams
    /// of rows use at most half of it.
    /// </summary>
    public TimeSpan MaxQueueWait { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The largest number of rows per batch.</summary>
    public int MaxBatchSize { get; set; } = 64;

    /// <summary>About how long a row waits for others to share a batch with while a core is free.</summary>
    public TimeSpan MaxBatchDelay { get; set; } = TimeSpan.FromMilliseconds(2);

    /// <summary>How many characters (UTF-16) the texts of a row of JSON may have together; longer rows are refused.</summary>
    public int MaxRowCharacters { get; set; } = 20_000;
}
