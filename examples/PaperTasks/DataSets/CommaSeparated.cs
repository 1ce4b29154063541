using System.Text;

namespace PaperTasks.DataSets;

/// <summary>AG News as published: <c>"class","title","description"</c>, quotation marks inside a field doubled, no header.</summary>
internal static class CommaSeparated
{
    private static readonly string[] Classes = ["World", "Sports", "Business", "Sci/Tech"];

    /// <returns>Title and description as one text, the class by its name.</returns>
    public static IEnumerable<Example> ReadAgNews(string file)
    {
        foreach (TextLine line in TextLine.Read(file))
        {
            List<string> fields = Split(line);
            if (fields.Count != 3)
                throw line.Refuse($"expected \"class\",\"title\",\"description\", found {fields.Count} columns.");
            if (line.Number == 1 && fields[0] == "Class Index")
                continue;                                   // some copies carry a header
            if (!int.TryParse(fields[0], out int index) || index < 1 || index > Classes.Length)
                throw line.Refuse($"expected a class from 1 to {Classes.Length}, found '{fields[0]}'.");

            yield return new Example($"{fields[1]} {fields[2]}", null, Classes[index - 1], line.Number);
        }
    }

    /// <summary>The fields of a line.</summary>
    public static List<string> Split(TextLine line)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        bool quoted = false;
        for (int i = 0; i < line.Text.Length; i++)
        {
            char c = line.Text[i];
            if (c == '"' && quoted && i + 1 < line.Text.Length && line.Text[i + 1] == '"')
            {
                field.Append(c);
                i++;
            }
            else if (c == '"')
            {
                quoted = !quoted;
            }
            else if (c == ',' && !quoted)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else
            {
                field.Append(c);
            }
        }

        if (quoted)
            throw line.Refuse("a quotation mark is not closed.");
        fields.Add(field.ToString());
        return fields;
    }
}
