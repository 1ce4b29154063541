using System.Text.Json;

namespace PaperTasks.DataSets;

/// <summary>A JSON object, with what is needed to point at it in a message.</summary>
/// <param name="Place">As in <c>train.jsonl, line 3, qas[0]</c>.</param>
/// <param name="Value">The object.</param>
internal readonly record struct JsonFields(string Place, JsonElement Value)
{
    /// <summary>The objects of a file that has one a line.</summary>
    public static IEnumerable<(TextLine Line, JsonFields Fields)> ReadLines(string file) =>
        TextLine.Read(file).Select(line => (line, Parse(line.Place, line.Text)));

    /// <summary>The object that a whole file is.</summary>
    public static JsonFields ReadFile(string file) => Parse(file, File.ReadAllText(file));

    /// <summary>A text, a number, true or false.</summary>
    public string Text(string field)
    {
        JsonElement value = Field(field);
        return value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.Number => value.GetRawText(),
            JsonValueKind.True => "true",
            JsonValueKind.False => "false",
            JsonValueKind kind => throw Refuse($"expected text, a number, true or false in the field '{field}', found {kind}."),
        };
    }

    public int Integer(string field)
    {
        JsonElement value = Field(field);
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number)
            ? number
            : throw Refuse($"expected a whole number in the field '{field}', found {value.GetRawText()}.");
    }

    /// <summary>True or false; false where the field is missing.</summary>
    public bool Flag(string field) => Value.TryGetProperty(field, out JsonElement value) && value.ValueKind == JsonValueKind.True;

    public JsonFields Object(string field) => Of($"{Place}, {field}", Field(field));

    public IEnumerable<JsonFields> Objects(string field)
    {
        string place = Place;
        return Array(field).Select((item, index) => Of($"{place}, {field}[{index}]", item));
    }

    public IReadOnlyList<string> Texts(string field)
    {
        List<JsonElement> items = Array(field);
        return items.TrueForAll(item => item.ValueKind == JsonValueKind.String)
            ? items.ConvertAll(item => item.GetString()!)
            : throw Refuse($"expected texts in the field '{field}'.");
    }

    public InvalidDataException Refuse(string reason) => new($"{Place}: {reason}");

    private static JsonFields Parse(string place, string text)
    {
        try
        {
            return Of(place, JsonElement.Parse(text));
        }
        catch (JsonException problem)
        {
            throw new InvalidDataException($"{place}: expected a JSON object. {problem.Message}", problem);
        }
    }

    private static JsonFields Of(string place, JsonElement value) => value.ValueKind == JsonValueKind.Object
        ? new JsonFields(place, value)
        : throw new InvalidDataException($"{place}: expected a JSON object, found {value.ValueKind}.");

    private JsonElement Field(string field) => Value.TryGetProperty(field, out JsonElement value)
        ? value
        : throw Refuse($"the field '{field}' is missing. (Published test files carry no labels: evaluate on the development file.)");

    private List<JsonElement> Array(string field)
    {
        JsonElement value = Field(field);
        return value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray()]
            : throw Refuse($"expected an array in the field '{field}', found {value.ValueKind}.");
    }
}
