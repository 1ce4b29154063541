using System.Text;
using System.Text.Json;

namespace Microsoft.ML.PTuning.Tests.Fuzzing.Mutations;

/// <summary>A JSON value as it is written: it can hold what no JSON library writes, such as a key twice or half of a surrogate pair.</summary>
internal sealed class JsonText
{
    /// <summary>A value without parts, or any text in its place; null for an object or a list.</summary>
    public string? Raw { get; set; }

    /// <summary>The parts; their names are null in a list.</summary>
    public List<(string? Name, JsonText Value)> Parts { get; private init; } = [];

    public bool IsList { get; private set; }

    public static JsonText Of(string raw) => new() { Raw = raw };

    /// <returns>Null where the bytes are no JSON.</returns>
    public static JsonText? TryParse(byte[] json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return Of(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter: half of a surrogate pair
        {
            return null;
        }
    }

    /// <summary>This value and all below it.</summary>
    public IEnumerable<JsonText> All() => Parts.SelectMany(part => part.Value.All()).Prepend(this);

    public byte[] ToBytes()
    {
        var text = new StringBuilder();
        Write(text);
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    public JsonText Copy() => new() { Raw = Raw, IsList = IsList, Parts = [.. Parts.Select(part => (part.Name, part.Value.Copy()))] };

    /// <summary>Becomes what another value is.</summary>
    public void Become(JsonText other)
    {
        var copy = other.Copy();
        (Raw, IsList) = (copy.Raw, copy.IsList);
        Parts.Clear();
        Parts.AddRange(copy.Parts);
    }

    private static JsonText Of(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => new() { Parts = [.. element.EnumerateObject().Select(p => ((string?)JsonSerializer.Serialize(p.Name), Of(p.Value)))] },
        JsonValueKind.Array => new() { IsList = true, Parts = [.. element.EnumerateArray().Select(item => ((string?)null, Of(item)))] },
        _ => new() { Raw = element.GetRawText() },
    };

    private void Write(StringBuilder text)
    {
        if (Raw is not null)
        {
            text.Append(Raw);
            return;
        }

        text.Append(IsList ? '[' : '{');
        for (var i = 0; i < Parts.Count; i++)
        {
            if (i > 0)
                text.Append(',');
            if (!IsList)
                text.Append(Parts[i].Name ?? "\"name\"").Append(':');
            Parts[i].Value.Write(text);
        }
        text.Append(IsList ? ']' : '}');
    }
}
