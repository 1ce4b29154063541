using System.Text.RegularExpressions;

namespace PaperTasks.DataSets;

/// <summary>
/// Files with a word a line and, after other columns, one column a predicate with the brackets of its arguments, as in
/// <c>(A0*</c>, <c>*</c>, <c>*)</c>, <c>(V*)</c>: CoNLL-2005 (words and props pasted together) and CoNLL-2012. An empty line ends a sentence.
/// </summary>
/// <remarks>Every column with a <c>(V*</c> is a proposition, about the word where that stands; whatever other columns hold is not read.</remarks>
internal static partial class Propositions
{
    private const string DocumentStart = "#begin document", DocumentEnd = "#end document";
    private const int Conll2012Words = 3;

    public static IEnumerable<TaggedSentence> Read(string file, Reading reading)
    {
        List<Line> sentence = [];
        int? tokenColumn = reading.TokenColumn;
        foreach (TextLine line in TextLine.ReadAll(file))
        {
            bool starts = line.Text.StartsWith(DocumentStart, StringComparison.Ordinal);
            if (starts)
                tokenColumn ??= Conll2012Words;

            bool isWord = !starts && !line.Text.StartsWith(DocumentEnd, StringComparison.Ordinal) && !string.IsNullOrWhiteSpace(line.Text);
            if (isWord)
                sentence.Add(new Line(line, line.Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
            if (isWord || sentence.Count == 0)
                continue;

            foreach (TaggedSentence row in Rows(sentence, tokenColumn ?? 0))
                yield return row;
            sentence = [];
        }

        foreach (TaggedSentence row in sentence.Count > 0 ? Rows(sentence, tokenColumn ?? 0) : [])
            yield return row;
    }

    private static IEnumerable<TaggedSentence> Rows(List<Line> sentence, int tokenColumn)
    {
        int columns = sentence[0].Fields.Length;
        if (sentence.Find(line => line.Fields.Length != columns) is { Fields: { } fields, Text: var uneven })
            throw uneven.Refuse($"expected {columns} columns as in the sentence's first line, found {fields.Length}.");
        if (tokenColumn >= columns)
            throw sentence[0].Text.Refuse($"expected the words in column {tokenColumn}, found {columns} columns.");

        int[] propositions =
        [
            .. Enumerable.Range(tokenColumn + 1, columns - tokenColumn - 1)
                .Where(column => sentence.Exists(line => OpensPredicate(line.Fields[column]))),
        ];
        string[] words = [.. sentence.Select(line => line.Fields[tokenColumn])];
        if (propositions.Length > 0 && words.Count(word => word == "-") > sentence.Count / 2)
            throw sentence[0].Text.Refuse($"column {tokenColumn} seems to hold predicates, not words. Paste the file of words before the one of props.");

        foreach (int column in propositions)
        {
            string[] tags = Tags(sentence, column);
            int predicate = sentence.FindIndex(line => OpensPredicate(line.Fields[column]));
            yield return new TaggedSentence(words, tags, predicate, sentence[0].Text.Number);
        }
    }

    private static bool OpensPredicate(string cell) => cell.StartsWith($"({TaggedSentence.PredicateType}*", StringComparison.Ordinal);

    // Brackets as IOB2.
    private static string[] Tags(List<Line> sentence, int column)
    {
        var tags = new string[sentence.Count];
        string? open = null;
        for (int i = 0; i < tags.Length; i++)
        {
            (TextLine line, string[] fields) = sentence[i];
            Match cell = Cell().Match(fields[column]);
            bool opens = cell.Groups["opened"].Success, closes = cell.Groups["closed"].Success;
            if (!cell.Success || (opens && open is not null) || (closes && !opens && open is null))
                throw line.Refuse($"expected brackets such as (A0*, *, *) or (V*) in column {column}, one at a time, found '{fields[column]}'.");

            string? argument = opens ? cell.Groups["opened"].Value : open;
            tags[i] = argument is null ? "O" : $"{(opens ? 'B' : 'I')}-{argument}";
            open = closes ? null : argument;
        }

        return open is null ? tags : throw sentence[^1].Text.Refuse($"the bracket of {open} in column {column} is not closed.");
    }

    [GeneratedRegex(@"^(\((?<opened>[^()*]+))?\*(?<closed>[^()*]*\))?$")]
    private static partial Regex Cell();

    private sealed record Line(TextLine Text, string[] Fields);
}
