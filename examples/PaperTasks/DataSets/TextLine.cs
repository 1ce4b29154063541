namespace PaperTasks.DataSets;

/// <summary>A line of a file, with what is needed to point at it in a message.</summary>
internal readonly record struct TextLine(string File, int Number, string Text)
{
    /// <summary>The lines of a file, counted from 1, empty ones left out.</summary>
    public static IEnumerable<TextLine> Read(string file)
    {
        int number = 0;
        foreach (string text in System.IO.File.ReadLines(file))
        {
            number++;
            if (text.Length > 0)
                yield return new TextLine(file, number, text);
        }
    }

    public InvalidDataException Refuse(string reason) => new($"{File}, line {Number}: {reason}");
}
