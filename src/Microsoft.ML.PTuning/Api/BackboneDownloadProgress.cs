namespace Microsoft.ML.PTuning;

/// <summary>How far the download of an encoder from the Hugging Face hub is.</summary>
public sealed class BackboneDownloadProgress
{
    internal BackboneDownloadProgress()
    {
    }

    /// <summary>The file under way, by its name in the repository.</summary>
    public required string File { get; init; }

    /// <summary>Bytes of that file that are on this machine.</summary>
    public required long FileBytes { get; init; }

    /// <summary>Bytes of that file.</summary>
    public required long FileTotalBytes { get; init; }

    /// <summary>Bytes of all files that are on this machine. Files that were there before are not counted.</summary>
    public required long Bytes { get; init; }

    /// <summary>
    /// Bytes of all files to download, as far as they are known: it grows when an index is read that names the parts of the weights.
    /// </summary>
    public required long TotalBytes { get; init; }
}
