namespace PaperTasks.DataSets;

/// <summary>A line of a file, with what is needed to point at it in a message.</summary>
internal readonly record struct TextLine(string File, int Number, string Text)
{
    /// <summary>How messages name the line.</summary>
    public string Place => $"{File}, line {Number}";

    /// <summary>The lines of a file, counted from 1, empty ones left out.</summary>
    public static IEnumerable<TextLine> Read(string file) => ReadAll(file).Where(line => line.Text.Length > 0);

    /// <summary>The lines of a file, counted from 1.</summary>
    public static IEnumerable<TextLine> ReadAll(string file) =>
        System.IO.File.ReadLines(file).Select((text, index) => new TextLine(file, index + 1, text));

    /// <summary>The lines of a file in groups, without the lines between groups; no group is empty.</summary>
    public static IEnumerable<IReadOnlyList<TextLine>> Groups(string file, Func<TextLine, bool> isBetween)
    {
        List<TextLine> group = [];
        foreach (TextLine line in ReadAll(file))
        {
            if (!isBetween(line))
            {
                group.Add(line);
            }
            else if (group.Count > 0)
            {
                yield return group;
                group = [];
            }
        }

        if (group.Count > 0)
            yield return group;
    }

    public InvalidDataException Refuse(string reason) => new($"{Place}: {reason}");
}
