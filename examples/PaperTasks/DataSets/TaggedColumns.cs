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
        bool isNumbered = TextLine.Read(file).Take(1).Any(IsNumberedDocument);
        int tokenColumn = reading.TokenColumn ?? (isNumbered ? 1 : 0);
        int? labelColumn = reading.LabelColumn ?? (isNumbered ? 2 : null);
        foreach (IReadOnlyList<TextLine> lines in TextLine.Groups(file, isBetween: line => !IsWord(line)))
        {
            (string Word, string Tag)[] sentence = [.. lines.Select(line => Pick(line, tokenColumn, labelColumn))];
            yield return new TaggedSentence(
                [.. sentence.Select(word => word.Word)], [.. sentence.Select(word => word.Tag)], Predicate: null, lines[0].Number);
        }
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
