namespace Microsoft.ML.PTuning.Tests.Examples;

/// <summary>A folder for the files of one test, deleted with it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ptuning-");

    public string Path => _folder.FullName;

    public string Write(string name, string text)
    {
        string file = System.IO.Path.Combine(Path, name);
        File.WriteAllText(file, text);
        return file;
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
