namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>A labelled text, as an ML.NET user's class has it.</summary>
internal sealed class TextRow
{
    public string Sentence1 { get; set; } = "";

    public bool Label { get; set; }
}

/// <summary>The rows that are measured on; the same in every run.</summary>
internal static class TextRows
{
    private static readonly string[] Words =
    [
        "a", "about", "acting", "and", "any", "as", "bad", "best", "big", "but", "by", "cast", "comedy", "could", "director", "drama", "dull", "end",
        "enough", "ever", "film", "first", "for", "from", "full", "funny", "good", "great", "has", "heart", "in", "is", "it", "its", "kind", "life",
        "like", "little", "long", "love", "made", "more", "most", "movie", "much", "never", "no", "not", "of", "off", "on", "one", "over", "plot",
        "really", "scene", "seems", "so", "some", "story", "than", "that", "the", "there", "time", "to", "too", "up", "very", "way", "well", "with",
    ];

    /// <summary>The words of random rows.</summary>
    public static IReadOnlyList<string> Vocabulary => Words;

    /// <summary>The first rows of <see cref="DataFile.Sst2"/>; where it is not, random rows.</summary>
    /// <param name="meanWords">Words of a random row, on average.</param>
    public static IReadOnlyList<TextRow> Sst2(int count, double meanWords = 40)
    {
        if (DataFile.Sst2.Path is not { } file)
            return Random(count, meanWords);

        var lines = File.ReadLines(file).Skip(1).Take(count).Select(line => line.Split('\t'));
        return [.. lines.Select(cells => new TextRow { Sentence1 = cells[0], Label = cells[1] == "1" })];
    }

    /// <summary>The first rows of <see cref="DataFile.AgNews"/>; the label tells sports from the rest.</summary>
    public static IReadOnlyList<TextRow> AgNews(int count) =>
        [.. LabelledData.Texts(DataFile.AgNews, count).Select(row => new TextRow { Sentence1 = row.Sentence1, Label = row.Class == "Sports" })];

    /// <summary>Rows of random words whose number is lognormal, as that of real texts, and at most 128.</summary>
    public static IReadOnlyList<TextRow> Random(int count, double meanWords)
    {
        var lengths = new LengthDistribution(meanWords);
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var text = string.Join(' ', random.GetItems(Words, lengths.Draw(random)));
            return new TextRow { Sentence1 = text, Label = random.Next(2) == 1 };
        })];
    }
}
