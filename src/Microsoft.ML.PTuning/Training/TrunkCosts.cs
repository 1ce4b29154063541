using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training;

/// <summary>Where the trunk's output is cached.</summary>
internal enum TrunkPlace
{
    /// <summary>Every epoch computes it: that takes less time than reading it.</summary>
    Nowhere,

    /// <summary>In memory.</summary>
    Memory,

    /// <summary>In a temporary file.</summary>
    File,
}

/// <summary>What caching the trunk's output costs, and what it saves.</summary>
/// <remarks>
/// <para>
/// The choice follows from sizes, not from a measurement: it changes the last digits of a training, and the same seed must give the same bits. The rates
/// are round numbers of usual machines. Where they are wrong by half, both ways take about the same time.
/// </para>
/// <para>
/// From memory, a token's state is read as fast as a word's embedding is looked up, with which the trunk begins. So the cache saves time from the second
/// epoch on. A file that fits in free memory is read from there, too. A larger one is written once and read from the disk in every epoch.
/// </para>
/// </remarks>
/// <param name="Bytes">The size of the cache.</param>
/// <param name="ComputeSeconds">How long the trunk takes for all rows.</param>
internal readonly record struct TrunkCosts(long Bytes, double ComputeSeconds)
{
    private const double DiskBytesPerSecond = 2e8, CoreOperationsPerSecond = 5e10, GpuOperationsPerSecond = 2e13;

    /// <param name="tokens">Tokens of all rows.</param>
    /// <param name="operations">Multiplications and additions per token.</param>
    /// <param name="cores">Cores that compute side by side; without meaning on a GPU.</param>
    public static TrunkCosts Of(long bytes, long tokens, double operations, int cores, Device device) =>
        new(bytes, tokens * operations / (device.type == DeviceType.CPU ? cores * CoreOperationsPerSecond : GpuOperationsPerSecond));

    /// <param name="memoryBytes">The largest size in memory that the caller allows.</param>
    /// <param name="availableBytes">Memory of the process. Half of it is left to other things.</param>
    /// <param name="epochs">How often all rows are read.</param>
    public TrunkPlace Place(long memoryBytes, long availableBytes, long epochs)
    {
        if (epochs < 2)
            return TrunkPlace.Nowhere;
        if (Bytes <= availableBytes / 2)
            return Bytes <= memoryBytes ? TrunkPlace.Memory : TrunkPlace.File;

        var disk = (epochs + 1.0) * Bytes / DiskBytesPerSecond;
        return disk < (epochs - 1) * ComputeSeconds ? TrunkPlace.File : TrunkPlace.Nowhere;
    }
}
