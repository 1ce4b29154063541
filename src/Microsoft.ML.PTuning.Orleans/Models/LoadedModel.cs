using System.Security.Cryptography;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Orleans.Models;

/// <summary>A model in memory.</summary>
internal sealed class LoadedModel
{
    /// <param name="file">As it was found; a file that changes meanwhile is loaded again by the next use.</param>
    /// <exception cref="DataException">It is no such model.</exception>
    public LoadedModel(string name, FileInfo file, MLContext context)
    {
        (Name, Bytes, Modified) = (name, file.Length, file.LastWriteTimeUtc);
        using (var stream = file.OpenRead())
            Sha256 = Convert.ToHexString(SHA256.HashData(stream));
        Pipeline = new SavedPipeline(file.FullName, context);
    }

    public string Name { get; }

    public SavedPipeline Pipeline { get; }

    /// <summary>Bytes of its file.</summary>
    public long Bytes { get; }

    /// <summary>When its file was written.</summary>
    public DateTime Modified { get; }

    /// <summary>Of its file.</summary>
    public string Sha256 { get; }

    /// <summary>How many leases there are.</summary>
    public int Users { get; set; }

    /// <summary>A count that grows with every use of any model.</summary>
    public long LastUse { get; set; }
}
