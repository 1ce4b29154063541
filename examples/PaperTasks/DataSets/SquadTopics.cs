namespace PaperTasks.DataSets;

/// <summary>Short questions and what they are about: SQuAD's questions with the titles of their articles, as classes.</summary>
/// <remarks>
/// It stands in for TREC's questions. The classes are the <see cref="Topics"/> articles with most questions. Their questions are shuffled
/// once, always with the same seed: the first <see cref="TrainRows"/> are the training rows, all others the development rows.
/// </remarks>
internal static class SquadTopics
{
    public const int Topics = 8;
    public const int TrainRows = 480;
    private const int ShuffleSeed = 1;

    public static IEnumerable<Example> Read(string file, Reading reading)
    {
        IEnumerable<Example> largest = Questions(file)
            .GroupBy(question => question.Label)
            .OrderByDescending(topic => topic.Count()).ThenBy(topic => topic.Key, StringComparer.Ordinal)
            .Take(Topics)
            .SelectMany(topic => topic);
        Example[] rows = [.. largest];
        new Random(ShuffleSeed).Shuffle(rows);
        if (rows.Length <= TrainRows)
            throw new InvalidDataException($"{file}: expected more than {TrainRows} questions in {Topics} articles, found {rows.Length}.");

        return reading.IsDev ? rows.Skip(TrainRows) : rows.Take(TrainRows);
    }

    // A question that is asked twice would be a training and a development row; the second one is left out.
    private static IEnumerable<Example> Questions(string file)
    {
        IEnumerable<(string Title, string Question)> asked =
            from article in Squad.Articles(file)
            let title = article.Text("title")
            from paragraph in article.Objects("paragraphs")
            from question in paragraph.Objects("qas")
            select (title, question.Text("question").Trim());
        return asked.DistinctBy(row => row.Question).Select((row, number) => new Example(row.Question, null, row.Title, number + 1));
    }
}
