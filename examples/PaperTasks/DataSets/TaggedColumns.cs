namespace PaperTasks.DataSets;

/// <summary>
/// Files with a word a line, its tag in another column, and an empty line between sentences: CoNLL-2003 (word first, tag last,
/// <c>-DOCSTART-</c> lines), CoNLL04 (number, word, tag; a <c>#doc</c> line before each sentence), and others whose columns are named.
/// </summary>
internal static class TaggedColumns
{
    private const string DocumentStart = "-DOCSTART-";
    private const string NumberedDocument = "#doc";

    public static IEnumerable<TaggedSentence> Read(string file, Reading reading)
    {
        List<string> words = [], tags = [];
        int? tokenColumn = reading.TokenColumn, labelColumn = reading.LabelColumn;
        bool first = true;
        int start = 0;
        foreach (TextLine line in TextLine.ReadAll(file))
        {
            if (!IsWord(line))
            {
                if (first && IsNumberedDocument(line))
                    (tokenColumn, labelColumn) = (tokenColumn ?? 1, labelColumn ?? 2);
                first &= line.Text.Length == 0;
                if (words.Count > 0)
                    yield return new TaggedSentence(words, tags, null, start);
                (words, tags) = ([], []);
                continue;
            }

            first = false;
            if (words.Count == 0)
                start = line.Number;
            (string word, string tag) = Pick(line, tokenColumn ?? 0, labelColumn);
            words.Add(word);
            tags.Add(tag);
        }

        if (words.Count > 0)
            yield return new TaggedSentence(words, tags, null, start);
    }

    private static bool IsWord(TextLine line) =>
        !string.IsNullOrWhiteSpace(line.Text) && !line.Text.StartsWith(DocumentStart, StringComparison.Ordinal) && !IsNumberedDocument(line);

    private static bool IsNumberedDocument(TextLine line) => line.Text.Split(' ', '\t')[0] == NumberedDocument;

    private static (string Word, string Tag) Pick(TextLine line, int tokenColumn, int? labelColumn)
    {
        string[] fields = line.Text.Contains('\t') ? line.Text.Split('\t') : line.Text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int label = labelColumn ?? fields.Length - 1;
        int last = Math.Max(tokenColumn, label);
        if (fields.Length <= last || label == tokenColumn)
            throw line.Refuse($"expected a word in column {tokenColumn} and its tag {Where(labelColumn)}, found {fields.Length} columns.");

        string word = fields[tokenColumn], tag = fields[label];
        if (word.Length == 0)
            throw line.Refuse($"the word in column {tokenColumn} is empty.");
        return SpanTag.IsTag(tag)
            ? (word, tag)
            : throw line.Refuse($"{SpanTag.Expected(tag)} Name the columns with --token-column and --label-column.");
    }

    private static string Where(int? labelColumn) => labelColumn is { } column ? $"in column {column}" : "in the last one";
}
