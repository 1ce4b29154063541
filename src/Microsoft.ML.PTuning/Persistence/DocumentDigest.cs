using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.PTuning.Persistence;

/// <summary>SHA-256 of what a JSON document says, whatever the order of its keys, its white space and the form of its numbers.</summary>
internal static class DocumentDigest
{
    public const string Key = "digest";

    /// <returns>Lower-case hexadecimal digits; the document's own <see cref="Key"/> is left out.</returns>
    public static string Of(JsonObject document)
    {
        using var content = new MemoryStream();
        using (var writer = new Utf8JsonWriter(content))
            WriteMembers(writer, document.Where(pair => pair.Key != Key));
        return PromptDocument.HashOf(content.GetBuffer().AsSpan(0, (int)content.Length));
    }

    private static void Write(Utf8JsonWriter writer, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject json:
                WriteMembers(writer, json);
                break;
            case JsonArray array:
                writer.WriteStartArray();
                foreach (var item in array)
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.Number:
                if (value.TryGetValue(out long whole))
                    writer.WriteNumberValue(whole);
                else if (value.TryGetValue(out double number) && double.IsFinite(number))
                    writer.WriteNumberValue(number);
                else
                    throw new JsonException($"The number {value.ToJsonString()} is beyond all that a model has.");
                break;
            case null:
                writer.WriteNullValue();
                break;
            default:
                node.WriteTo(writer);
                break;
        }
    }

    private static void WriteMembers(Utf8JsonWriter writer, IEnumerable<KeyValuePair<string, JsonNode?>> members)
    {
        writer.WriteStartObject();
        foreach (var (key, value) in members.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            writer.WritePropertyName(key);
            Write(writer, value);
        }
        writer.WriteEndObject();
    }
}
