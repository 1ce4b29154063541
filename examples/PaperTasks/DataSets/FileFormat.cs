namespace PaperTasks.DataSets;

/// <summary>A way to read a task's files, chosen by their extension.</summary>
/// <param name="Extension">With its dot; empty for files that no other format of the task claims.</param>
internal sealed record FileFormat<TRow>(string Extension, Func<string, Reading, IEnumerable<TRow>> Read)
{
    /// <summary>A format that is read in one way only.</summary>
    public FileFormat(string extension, Func<string, IEnumerable<TRow>> read)
        : this(extension, (file, _) => read(file))
    {
    }
}
