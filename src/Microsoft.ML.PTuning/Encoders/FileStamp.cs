namespace Microsoft.ML.PTuning.Encoders;

/// <summary>Path, size and time of a file: a cheap sign that it has not changed.</summary>
/// <param name="Path">Full path, links followed: a Hugging Face snapshot is made of links.</param>
/// <param name="Size">In bytes.</param>
/// <param name="WriteTime">Of the last write, in ticks of UTC.</param>
internal sealed record FileStamp(string Path, long Size, long WriteTime)
{
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static FileStamp Of(string path)
    {
        var file = new FileInfo(path);
        if (file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target)
            file = target;
        return new(file.FullName, file.Length, file.LastWriteTimeUtc.Ticks);
    }

    public override string ToString() => $"{Path}|{Size}|{WriteTime}";
}
