using System.Text.Json;

namespace PaperTasks.DataSets;

/// <summary>SuperGLUE's files: one JSON object a line.</summary>
internal static class JsonLines
{
    /// <param name="file">The file.</param>
    /// <param name="sentence1">Field of the first text.</param>
    /// <param name="sentence2">Field of the second text.</param>
    /// <param name="label">Field of the label: text, or true and false.</param>
    public static IEnumerable<Example> Read(string file, string sentence1, string sentence2, string label)
    {
        foreach (TextLine line in TextLine.Read(file))
        {
            using JsonDocument row = Parse(line);
            yield return new Example(Text(line, row, sentence1), Text(line, row, sentence2), Text(line, row, label), line.Number);
        }
    }

    private static JsonDocument Parse(TextLine line)
    {
        try
        {
            var row = JsonDocument.Parse(line.Text);
            return row.RootElement.ValueKind == JsonValueKind.Object ? row : throw line.Refuse($"expected a JSON object, found {row.RootElement.ValueKind}.");
        }
        catch (JsonException problem)
        {
            throw line.Refuse($"expected a JSON object. {problem.Message}");
        }
    }

    private static string Text(TextLine line, JsonDocument row, string field)
    {
        if (!row.RootElement.TryGetProperty(field, out JsonElement value))
            throw line.Refuse($"the field '{field}' is missing. (SuperGLUE's test files carry no labels: evaluate on val.jsonl.)");

        return value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.True => "true",
            JsonValueKind.False => "false",
            JsonValueKind kind => throw line.Refuse($"expected text, true or false in the field '{field}', found {kind}."),
        };
    }
}
