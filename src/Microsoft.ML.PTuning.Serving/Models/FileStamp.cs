namespace Microsoft.ML.PTuning.Serving.Models;

/// <summary>What tells a version of a file from another.</summary>
/// <param name="Length">The file's size in bytes.</param>
/// <param name="Written">When it was written, in UTC.</param>
internal readonly record struct FileStamp(long Length, DateTime Written)
{
    public static FileStamp Of(FileInfo file) => new(file.Length, file.LastWriteTimeUtc);
}
