namespace PaperTasks.DataSets;

/// <summary>
/// Tab separated files: GLUE's with a header, the STS benchmark's and plain ones without. None of them quotes, so a quotation mark is a
/// character like any other; columns after those asked for are passed over, since some rows carry remarks there.
/// </summary>
internal static class TabSeparated
{
    /// <summary>A file whose first line names its columns.</summary>
    public static IEnumerable<Example> ReadWithHeader(string file, string sentence1, string? sentence2, string label)
    {
        string[]? header = null;
        var columns = (Sentence1: 0, Sentence2: (int?)null, Label: 0);
        foreach (TextLine line in TextLine.Read(file))
        {
            if (header is null)
            {
                header = line.Text.Split('\t');
                columns = (IndexOf(sentence1, header, line), sentence2 is null ? null : IndexOf(sentence2, header, line), IndexOf(label, header, line));
                continue;
            }

            yield return Pick(line, line.Text.Split('\t'), columns.Sentence1, columns.Sentence2, columns.Label);
        }
    }

    /// <summary>A file without a header, its columns counted from 0.</summary>
    public static IEnumerable<Example> Read(string file, int sentence1, int? sentence2, int label)
    {
        foreach (TextLine line in TextLine.Read(file))
            yield return Pick(line, line.Text.Split('\t'), sentence1, sentence2, label);
    }

    /// <summary>A file of <c>text TAB label</c>, or of <c>text TAB text TAB label</c> throughout; the label may stand in another column.</summary>
    public static IEnumerable<Example> ReadPlain(string file, Reading reading)
    {
        int? columns = null;
        foreach (TextLine line in TextLine.Read(file).Skip(reading.HasHeader ? 1 : 0))
        {
            string[] fields = line.Text.Split('\t');
            columns ??= fields.Length;
            if (columns is not (2 or 3))
                throw line.Refuse($"expected 'text TAB label' or 'text TAB text TAB label', found {columns} columns.");
            if (fields.Length != columns)
                throw line.Refuse($"expected {columns} columns as in the lines before, found {fields.Length}.");

            int label = reading.LabelColumn ?? fields.Length - 1;
            if (label >= fields.Length)
                throw line.Refuse($"expected the label in column {label}, found {columns} columns.");

            int[] texts = [.. Enumerable.Range(0, fields.Length).Where(column => column != label)];
            yield return Pick(line, fields, texts[0], texts.Length > 1 ? texts[1] : null, label);
        }
    }

    private static int IndexOf(string column, string[] header, TextLine line)
    {
        int index = Array.IndexOf(header, column);
        return index >= 0 ? index : throw line.Refuse($"expected a header with the column '{column}', found: {string.Join(", ", header)}.");
    }

    private static Example Pick(TextLine line, string[] fields, int sentence1, int? sentence2, int label)
    {
        int last = Math.Max(Math.Max(sentence1, sentence2 ?? 0), label);
        if (fields.Length <= last)
            throw line.Refuse($"expected at least {last + 1} columns, found {fields.Length}.");
        if (fields[label].Length == 0)
            throw line.Refuse("the label is empty. Leave unlabelled rows out of training and evaluation files.");

        return new Example(fields[sentence1], sentence2 is { } second ? fields[second] : null, fields[label], line.Number);
    }
}
