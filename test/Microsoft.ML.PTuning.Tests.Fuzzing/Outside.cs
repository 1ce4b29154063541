namespace Microsoft.ML.PTuning.Tests.Fuzzing;

/// <summary>A folder that no mutant may read. Mutants get paths that lead there; the times of last access tell whether a parser followed one.</summary>
internal sealed class Outside
{
    private static readonly DateTime Accessed = new(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc), Written = new(2002, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    private readonly string _folder;
    private readonly string[] _files;

    /// <param name="folder">A sibling of the mutants' folders; it is made here.</param>
    public Outside(string folder)
    {
        _folder = Directory.CreateDirectory(folder).FullName;
        _files = [.. ((string[])["config.json", "model.safetensors", "model.onnx_data", "vocab.txt"]).Select(name => Path.Combine(folder, name))];
        foreach (var file in _files)
            File.WriteAllText(file, "{}");
        Watch();

        var name = Path.GetFileName(folder);
        Paths =
        [
            .. _files, _folder, $"../{name}/model.safetensors", $"../{name}/model.onnx_data", $"../../{name}/model.onnx_data", $"../{name}",
            $"./../{name}/config.json", $"..\\{name}\\config.json", $"file://{_files[0]}", "/dev/zero", "/dev/stdin", "/proc/self/mem", "/etc/passwd", "C:\\Windows\\win.ini",
            "\\\\127.0.0.1\\share\\model.safetensors", "~/.bashrc",
        ];
    }

    /// <summary>What mutants are given.</summary>
    public IReadOnlyList<string> Paths { get; }

    /// <summary>What was read, or made, since the last call; null for nothing.</summary>
    public string? Trace()
    {
        var read = _files.Append(_folder).FirstOrDefault(path => File.GetLastAccessTimeUtc(path) != Accessed);
        var found = read ?? (Directory.GetFileSystemEntries(_folder).Length > _files.Length ? _folder : null);
        Watch();
        return found;
    }

    /// <summary>Whether this machine notes the time at which a file is read.</summary>
    public bool IsWatched()
    {
        File.ReadAllText(_files[0]);
        return Trace() == _files[0];
    }

    // A time of last access before that of the last write is renewed by the next read, also where a file system renews it seldom.
    private void Watch()
    {
        foreach (var file in _files)
        {
            File.SetLastWriteTimeUtc(file, Written);
            File.SetLastAccessTimeUtc(file, Accessed);
        }
        Directory.SetLastWriteTimeUtc(_folder, Written);
        Directory.SetLastAccessTimeUtc(_folder, Accessed);
    }
}
