using System.Text.Json;
using System.Text.Json.Nodes;

namespace PaperTasks.Sweeps;

/// <summary>A value in a JSON file and where it stands, which errors name: <c>grids[1].choose</c>.</summary>
/// <param name="Value">Null for JSON's null, and for what is not there.</param>
internal readonly record struct JsonPlace(string Path, JsonNode? Value, bool Exists = true)
{
    /// <summary>The names of an object's values, in the file's order.</summary>
    public IEnumerable<string> Keys => ((JsonObject)Value!).Select(member => member.Key);

    /// <summary>A value of an object.</summary>
    public JsonPlace this[string key]
    {
        get
        {
            bool exists = ((JsonObject)Value!).TryGetPropertyValue(key, out JsonNode? value);
            return new JsonPlace(Path.Length == 0 ? key : $"{Path}.{key}", value, exists);
        }
    }

    public JsonPlace AsObject() => Value is JsonObject ? this : throw Expected("an object");

    public IReadOnlyList<JsonPlace> AsList()
    {
        if (Value is not JsonArray list)
            throw Expected("a list");

        string path = Path;
        return [.. list.Select((item, i) => new JsonPlace($"{path}[{i}]", item))];
    }

    public IReadOnlyList<JsonPlace> AsListOrNone() => Exists ? AsList() : [];

    public string AsText() => Value?.GetValueKind() == JsonValueKind.String ? Value.GetValue<string>() : throw Expected("a text");

    public string AsTextOr(string other) => Exists ? AsText() : other;

    public string? AsTextOrNone() => Exists ? AsText() : null;

    /// <summary>A text, or a list of texts of which there is one at least.</summary>
    public IReadOnlyList<string> AsTexts()
    {
        IReadOnlyList<string> texts = Value is JsonArray ? [.. AsList().Select(item => item.AsText())] : [AsText()];
        return texts.Count > 0 ? texts : throw Expected("one text at least");
    }

    /// <summary>False for what is not there.</summary>
    public bool AsTruth() => Exists && Value?.GetValueKind() switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Expected("true or false"),
    };

    /// <exception cref="FormatException">The object has another key.</exception>
    public void Allow(params string[] keys)
    {
        foreach (string key in Keys.Except(keys))
            throw new FormatException($"{this[key].Path}: there is no such setting; expected one of {string.Join(", ", keys)}.");
    }

    private FormatException Expected(string what) => new(
        $"{(Path.Length == 0 ? "the file" : Path)}: expected {what}, found {(Exists ? Value?.ToJsonString() ?? "null" : "nothing")}.");
}
