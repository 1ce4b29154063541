namespace Microsoft.ML.PTuning.Orleans;

/// <summary>What a silo loads and how much it does at a time. Read once, when the silo starts.</summary>
/// <example>
/// <code>
/// siloBuilder.AddPTuning(new PTuningSiloOptions { ModelsDirectory = "/data/models", JobsDirectory = "/data/jobs" });
/// </code>
/// </example>
public sealed class PTuningSiloOptions
{
    /// <summary>
    /// The folder whose <c>.zip</c> files are the models, the same ones for every silo; a file's name without the ending is the model's name.
    /// <c>mlContext.Model.Save</c> wrote them, with the schema of the training rows. Only trusted people may write to it, because ML.NET runs what a
    /// pipeline names.
    /// </summary>
    public required string ModelsDirectory { get; init; }

    /// <summary>
    /// The folder where bulk scoring keeps its jobs: what is to be done, how it is divided, and how it ended. All silos must see the same folder, on a
    /// shared disk if they run on several machines. Null if this cluster scores no files.
    /// </summary>
    public string? JobsDirectory { get; init; }

    /// <summary>
    /// How many bytes the files of loaded models have together; the encoder does not count, models share it. Before a model is loaded, those that were
    /// not used for the longest time are unloaded. Models in use stay, so the budget may be exceeded.
    /// </summary>
    public long ModelBudgetBytes { get; init; } = 200_000_000;

    /// <summary>How many ranges of files a silo scores at a time. One alone leaves cores idle while it reads and writes.</summary>
    public int RangesPerSilo { get; init; } = 2;

    /// <summary>The folder where models look for their encoder first; null for the usual places.</summary>
    public string? BackboneDirectory { get; init; }

    /// <summary>The number type in which encoders are stored and computed.</summary>
    public BackbonePrecision Precision { get; init; } = BackbonePrecision.Float32;

    /// <summary>The GPU to compute on; null for the CPU.</summary>
    public int? GpuDeviceId { get; init; }

    /// <summary>The CPU cores that scoring uses; null for all.</summary>
    public int? ScoringCores { get; init; }

    internal void Check()
    {
        ArgumentException.ThrowIfNullOrEmpty(ModelsDirectory);
        AtLeastOne(ModelBudgetBytes, nameof(ModelBudgetBytes));
        AtLeastOne(RangesPerSilo, nameof(RangesPerSilo));
    }

    private static void AtLeastOne(long value, string name)
    {
        if (value < 1)
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be 1 or more.");
    }
}
