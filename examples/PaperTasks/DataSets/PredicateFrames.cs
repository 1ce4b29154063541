namespace PaperTasks.DataSets;

/// <summary>Sentences tagged with the roles of a predicate, a row for each predicate of a sentence.</summary>
internal static class PredicateFrames
{
    /// <summary>Between the words and the tags of a line.</summary>
    public const string Separator = "|||";

    /// <summary>A JSON object a line: <c>words</c>, and <c>frames</c> of <c>pred</c>, the index of the predicate, and <c>tags</c>.</summary>
    public static IEnumerable<TaggedSentence> ReadJson(string file, Reading reading)
    {
        RefuseColumns(file, reading);
        foreach ((TextLine line, JsonFields row) in JsonFields.ReadLines(file))
        {
            IReadOnlyList<string> words = row.Texts("words");
            foreach (JsonFields frame in row.Objects("frames"))
                yield return Check(words, frame.Texts("tags"), frame.Integer("pred"), line.Number, frame.Refuse);
        }
    }

    /// <summary>Lines as the official code reads them, where the first one is such; else CoNLL's columns.</summary>
    public static IEnumerable<TaggedSentence> ReadText(string file, Reading reading) =>
        TextLine.Read(file).Take(1).Any(line => line.Text.Contains(Separator)) ? ReadLines(file, reading) : Propositions.Read(file, reading);

    // A row a line: index of the predicate, words, |||, tags.
    private static IEnumerable<TaggedSentence> ReadLines(string file, Reading reading)
    {
        RefuseColumns(file, reading);
        foreach (TextLine line in TextLine.Read(file))
        {
            int separator = line.Text.LastIndexOf(Separator, StringComparison.Ordinal);
            if (separator < 0)
                throw line.Refuse($"expected 'index word word ... {Separator} tag tag ...', found no {Separator}.");

            string[] left = Split(line.Text[..separator]), tags = Split(line.Text[(separator + Separator.Length)..]);
            if (left.Length < 2 || !int.TryParse(left[0], out int predicate))
                throw line.Refuse("expected the index of the predicate and the words of the sentence before |||.");

            yield return Check(left[1..], tags, predicate, line.Number, line.Refuse);
        }
    }

    private static TaggedSentence Check(
        IReadOnlyList<string> words, IReadOnlyList<string> tags, int predicate, int line, Func<string, InvalidDataException> refuse)
    {
        if (tags.Count != words.Count)
            throw refuse($"expected a tag for each of the {words.Count} words, found {tags.Count} tags.");
        if (predicate < 0 || predicate >= words.Count)
            throw refuse($"expected the predicate to be one of the {words.Count} words, found the index {predicate}.");
        if (tags.FirstOrDefault(tag => !SpanTag.IsTag(tag)) is { } wrong)
            throw refuse(SpanTag.Expected(wrong));

        return new TaggedSentence(words, tags, predicate, line);
    }

    private static void RefuseColumns(string file, Reading reading)
    {
        if (reading.TokenColumn is not null)
            throw new InvalidDataException($"{file}: --token-column is for files with a word a line; this one has no columns.");
    }

    private static string[] Split(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
