using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning;

/// <summary>How training is computed: for experts.</summary>
public sealed class AdvancedTrainingOptions
{
    internal AdvancedTrainingOptions()
    {
    }

    /// <summary>
    /// Parts of a batch that are computed side by side on the CPU; 0 for one per core, of 4 rows or more. The same number gives the same bits.
    /// </summary>
    public int Shards { get; set => Chosen.Set(ref field, value); }

    /// <summary>
    /// Computes the shards of every step in other processes, at most as many as there are shards; null to compute them here. The numbers are the same.
    /// The lower layers are not cached then, and it is for the CPU only.
    /// </summary>
    public IShardComputer? ShardComputer { get; set => Chosen.Set(ref field, value); }

    /// <summary>
    /// Whether the output of the layers below the prefix is computed once and cached, instead of in every epoch: with
    /// <see cref="TrainingOptions.PrefixLayers"/>, or with no prefix at all, it never changes. With <see cref="TrainingOptions.BackboneDropout"/>
    /// it changes, and is not cached.
    /// </summary>
    public bool CacheTrunk { get; set => Chosen.Set(ref field, value); } = true;

    /// <summary>
    /// Megabytes of memory for that cache: 4 bytes (F16: 2) per token and hidden unit. Where more is needed, all of it goes to a file in
    /// <see cref="MLContext.TempFilePath"/> (as it is when the trainer is made), which is deleted when training ends; 0 for the file always.
    /// The cache never takes more than half of the memory that the process may use.
    /// Where the file would take more than half of the disk's free space, nothing is cached, and the log says so. Nor is it where the file would be
    /// larger than that half of the memory, and computing takes less time than the disk.
    /// </summary>
    public int TrunkCacheMemoryMegabytes { get; set => Chosen.Set(ref field, value); } = 1024;

    /// <summary>Whether that cache is in F16: half the size, numbers of 3 digits.</summary>
    public bool HalfPrecisionTrunkCache { get; set => Chosen.Set(ref field, value); }

    /// <summary>
    /// Pads every row to <c>MaxLength</c> (of several tasks: the largest) while training, as the official scripts do; slower, for comparison.
    /// </summary>
    public bool PadToMaxLength { get; set => Chosen.Set(ref field, value); }

    /// <summary>
    /// Steps between two checkpoints in <see cref="TrainingOptions.CheckpointDirectory"/>; 0 to count no steps. The first of <c>CheckpointSteps</c>,
    /// <see cref="CheckpointEpochs"/> and <see cref="CheckpointMinutes"/> that is reached decides.
    /// </summary>
    public int CheckpointSteps { get; set => Chosen.Set(ref field, value); }

    /// <summary>Epochs between two checkpoints; 0 to count no epochs.</summary>
    public int CheckpointEpochs { get; set => Chosen.Set(ref field, value); } = 1;

    /// <summary>Minutes between two checkpoints, for epochs that take long; 0 to count no minutes.</summary>
    public double CheckpointMinutes { get; set => Chosen.Set(ref field, value); } = 10;

    /// <summary>How many checkpoints are kept, the newest ones.</summary>
    public int CheckpointsKept { get; set => Chosen.Set(ref field, value); } = 2;

    internal ChosenOptions Chosen { get; private set; } = new();

    internal TrunkCacheSettings? TrunkCache => CacheTrunk
        ? new((long)TrunkCacheMemoryMegabytes << 20, HalfPrecisionTrunkCache ? ScalarType.Float16 : ScalarType.Float32)
        : null;

    internal AdvancedTrainingOptions Copy()
    {
        var copy = (AdvancedTrainingOptions)MemberwiseClone();
        copy.Chosen = Chosen.Copy();
        return copy;
    }

    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    internal void Check()
    {
        OptionRange.AtLeast(Shards, 0);
        OptionRange.AtLeast(TrunkCacheMemoryMegabytes, 0);
        OptionRange.AtLeast(CheckpointSteps, 0);
        OptionRange.AtLeast(CheckpointEpochs, 0);
        OptionRange.From(CheckpointMinutes, 0, double.PositiveInfinity);
        OptionRange.AtLeast(CheckpointsKept, 1);
    }
}
