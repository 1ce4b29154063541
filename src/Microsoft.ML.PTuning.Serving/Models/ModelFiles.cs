namespace Microsoft.ML.PTuning.Serving.Models;

/// <summary>The zips of a folder.</summary>
internal sealed class ModelFiles(string folder)
{
    private const string Ending = ".zip";

    public string Folder => folder;

    /// <summary>The files' versions by the models' names. Subfolders and hidden files, such as unfinished uploads, are left out.</summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public Dictionary<string, FileStamp> List()
    {
        var options = new EnumerationOptions { AttributesToSkip = FileAttributes.Hidden | FileAttributes.System };
        var files = new Dictionary<string, FileStamp>(StringComparer.Ordinal);
        foreach (var file in new DirectoryInfo(folder).EnumerateFiles($"*{Ending}", options))
        {
            try
            {
                var target = file.LinkTarget is null ? file : (FileInfo)file.ResolveLinkTarget(returnFinalTarget: true)!;
                files.TryAdd(file.Name[..^Ending.Length], FileStamp.Of(target));
            }
            catch (IOException) // It was deleted meanwhile, or is a link that leads nowhere.
            {
            }
        }
        return files;
    }

    /// <param name="name">A name of <see cref="List"/>.</param>
    /// <returns>Null if the file is no longer there.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public FileStream? Open(string name)
    {
        try
        {
            return new FileStream(Path.Combine(folder, name + Ending), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }
}
