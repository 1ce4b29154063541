using System.Text.Json;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>Texts with classes, as an ML.NET user's class has them.</summary>
internal sealed class LabelledText
{
    public string Sentence1 { get; set; } = "";

    public string Class { get; set; } = "";
}

/// <summary>Sentences with a tag per word, as an ML.NET user's class has them.</summary>
internal sealed class TaggedWords
{
    public string[] Sentence { get; set; } = [];

    public string[] Label { get; set; } = [];
}

/// <summary>Labelled rows of public data sets; the same in every run.</summary>
internal static class LabelledData
{
    /// <summary>The first rows of a file with a text and its class per line; they are in random order.</summary>
    /// <param name="header">Whether the first line names the columns, as in SST-2.</param>
    public static IReadOnlyList<LabelledText> Texts(DataFile file, int count = int.MaxValue, bool header = false) =>
    [
        .. File.ReadLines(file.Path!).Skip(header ? 1 : 0).Take(count).Select(line => line.Split('\t'))
            .Select(cells => new LabelledText { Sentence1 = cells[0], Class = cells[1] }),
    ];

    /// <summary>Sentences of a file with a word per line, its tag in the third column, and empty lines between sentences.</summary>
    public static IEnumerable<TaggedWords> Tags(DataFile file)
    {
        var (words, tags) = (new List<string>(), new List<string>());
        foreach (var line in File.ReadLines(file.Path!).Append(""))
        {
            if (line.Split('\t') is [_, var word, var tag, ..])
            {
                words.Add(word);
                tags.Add(tag);
            }
            else if (words.Count > 0)
            {
                yield return new() { Sentence = [.. words], Label = [.. tags] };
                words.Clear();
                tags.Clear();
            }
        }
    }

    /// <summary>The questions of the first articles of a file in SQuAD's format, article by article; the class is the article's title.</summary>
    public static IReadOnlyList<LabelledText> Topics(DataFile file, int topics)
    {
        using var stream = File.OpenRead(file.Path!);
        using var document = JsonDocument.Parse(stream);
        return
        [
            .. from article in document.RootElement.GetProperty("data").EnumerateArray().Take(topics)
               from paragraph in article.GetProperty("paragraphs").EnumerateArray()
               from question in paragraph.GetProperty("qas").EnumerateArray()
               select new LabelledText { Sentence1 = question.GetProperty("question").GetString()!, Class = article.GetProperty("title").GetString()! },
        ];
    }
}
