using Microsoft.ML.PTuning.Serving;

namespace Microsoft.ML.PTuning.Orleans;

/// <summary>What a silo loads and how much it does at a time. Read once, when the silo starts.</summary>
/// <remarks><see cref="PTuningModelsOptions.ModelsDirectory"/> has the same files for every silo.</remarks>
public sealed class PTuningSiloOptions : PTuningModelsOptions
{
    /// <summary>
    /// The folder where bulk scoring keeps its jobs: what is to be done, how it is divided, and how it ended. All silos must see the same folder, on a
    /// shared disk if they run on several machines. Null if this cluster scores no files.
    /// </summary>
    public string? JobsDirectory { get; set; }

    /// <summary>How many ranges of files a silo scores at a time. One alone leaves cores idle while it reads and writes.</summary>
    public int RangesPerSilo { get; set; } = 2;

    /// <summary>How the silo's own <see cref="IPTuningPredictor"/> spreads its rows over the cluster.</summary>
    public PTuningClusterOptions Client { get; } = new();
}
