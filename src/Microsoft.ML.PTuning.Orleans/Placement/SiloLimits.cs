namespace Microsoft.ML.PTuning.Orleans.Placement;

/// <summary>How much a silo does at a time, whoever asks for it.</summary>
internal sealed class SiloLimits(PTuningSiloOptions options)
{
    public SemaphoreSlim Ranges { get; } = new(options.RangesPerSilo);

    /// <summary>A trial uses all cores.</summary>
    public SemaphoreSlim Trials { get; } = new(1);
}
