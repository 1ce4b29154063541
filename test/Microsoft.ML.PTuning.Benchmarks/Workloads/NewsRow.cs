namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>A text of AG News and its class, one of four.</summary>
internal sealed class NewsRow
{
    public string Sentence1 { get; set; } = "";

    public string Class { get; set; } = "";

    /// <param name="file"><see cref="DataFile.AgNews"/> or <see cref="DataFile.AgNewsTraining"/>, in random order both.</param>
    public static IReadOnlyList<NewsRow> First(int count, DataFile file) =>
    [
        .. File.ReadLines(file.Path!).Take(count).Select(line => line.Split('\t')).Select(cells => new NewsRow { Sentence1 = cells[0], Class = cells[1] }),
    ];
}
