using Microsoft.ML.PTuning.Serving.Hosting;

namespace Microsoft.ML.PTuning.Orleans;

/// <summary>How a client spreads its rows over silos.</summary>
/// <example>
/// <code>
/// clientBuilder.AddPTuning(new PTuningClusterOptions { MaxReplicas = 8 });
/// </code>
/// </example>
public sealed class PTuningClusterOptions
{
    /// <summary>
    /// How many rows of a model this client has on their way to one silo before it also asks the next one. A silo answers that many in a few batches; so
    /// a model that is asked for rarely stays in the memory of one silo.
    /// </summary>
    public int RowsPerReplica { get; set; } = 64;

    /// <summary>How many silos answer for one model at most; 1 to 1,000.</summary>
    public int MaxReplicas { get; set; } = 4;

    /// <param name="prefix">What stands before the options' names.</param>
    internal void Check(OptionRanges ranges, string prefix = "")
    {
        const int MostReplicas = 1000;
        ranges.AtLeast(RowsPerReplica, 1, prefix + nameof(RowsPerReplica));
        ranges.AtLeast(MaxReplicas, 1, prefix + nameof(MaxReplicas));
        if (MaxReplicas > MostReplicas)
            ranges.Wrong.Add($"{prefix}{nameof(MaxReplicas)} must be {MostReplicas} or less; found {MaxReplicas}.");
    }
}
