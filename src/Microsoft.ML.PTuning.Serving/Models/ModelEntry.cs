namespace Microsoft.ML.PTuning.Serving.Models;

/// <summary>A file of the folder, and what is known of it. The store's lock guards all members.</summary>
internal sealed class ModelEntry(string name)
{
    public string Name => name;

    /// <summary>The file's version when the folder was last read.</summary>
    public FileStamp Stamp { get; private set; }

    /// <summary>When this version was first seen, in ticks of a <see cref="TimeProvider"/>.</summary>
    public long Seen { get; private set; }

    /// <summary>Whether the file is gone. Rows that are on their way are finished.</summary>
    public bool IsDeleted { get; set; }

    /// <summary>The version that serves; null if none is loaded.</summary>
    public ModelVersion? Current { get; set; }

    /// <summary>The load under way; it never fails.</summary>
    public Task? Loading { get; set; }

    /// <summary>How many calls wait for <see cref="Loading"/>.</summary>
    public int Waiting { get; set; }

    /// <summary>Why a version of the file could not be loaded; null if the last load succeeded.</summary>
    public LoadFailure? Failure { get; set; }

    /// <summary>Whether this version of the file could not be loaded.</summary>
    public bool IsRefused => Failure?.Stamp == Stamp;

    /// <summary>Whether another version of the file is loaded than the folder has, which has not been refused.</summary>
    public bool IsOutdated => Current is not null && Current.Model.Stamp != Stamp && !IsRefused && !IsDeleted;

    public PTuningModelState State => Current is not null ? PTuningModelState.Loaded
        : Loading is not null ? PTuningModelState.Loading
        : IsRefused ? PTuningModelState.Broken : PTuningModelState.Listed;

    public void See(FileStamp stamp, long now)
    {
        IsDeleted = false;
        if (stamp != Stamp)
            (Stamp, Seen) = (stamp, now);
    }
}

/// <summary>Why a version of a file could not be loaded.</summary>
/// <param name="At">When, in ticks of a <see cref="TimeProvider"/>.</param>
internal sealed record LoadFailure(FileStamp Stamp, string Reason, long At);

/// <summary>A loaded version of an entry. The store's lock guards all members.</summary>
internal sealed class ModelVersion(ModelEntry entry, LoadedModel model, PTuningV2MultiTaskPredictor predictor)
{
    public ModelEntry Entry => entry;

    public LoadedModel Model => model;

    public PTuningV2MultiTaskPredictor Predictor => predictor;

    /// <summary>How many calls use it.</summary>
    public int Leases { get; set; }

    /// <summary>Its place among the versions that may be unloaded; null while it is used.</summary>
    public LinkedListNode<ModelVersion>? Place { get; set; }

    public bool IsCurrent => entry.Current == this;
}
