using System.Text.Json.Nodes;
using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Serving.Rows;

/// <summary>Makes JSON of tagged texts: <c>"CITY 16 25"</c> becomes an object with type, start, end and the text between.</summary>
internal static class EntityJson
{
    /// <param name="text">The column with the text; null if the row has words, or several texts.</param>
    public static JsonObject Write(DataViewRow row, IReadOnlyList<OutputColumn> columns, string? text)
    {
        var read = text is null || row.Schema.GetColumnOrNull(text) is not { } column ? default : Read(row, column);
        return new JsonObject(columns.Select(output => KeyValuePair.Create(output.Name, Entities(row, output, read) ?? output.Read(row))));
    }

    private static JsonArray? Entities(DataViewRow row, OutputColumn column, ReadOnlyMemory<char>? text)
    {
        if (column.Type is not VectorDataViewType { ItemType: TextDataViewType })
            return null;

        var entities = new JsonArray();
        foreach (var value in column.Values<ReadOnlyMemory<char>>(row))
        {
            if (!EntitySpan.TryParse(value.ToString(), out var span))
                return null; // Tags.
            var entity = new JsonObject { ["type"] = span.Type, ["start"] = span.Start, ["end"] = span.End };
            if (text is { } characters && span.End <= characters.Length)
                entity["text"] = characters[span.Start..span.End].ToString();
            entities.Add(entity);
        }
        return entities;
    }

    private static ReadOnlyMemory<char>? Read(DataViewRow row, DataViewSchema.Column column)
    {
        ReadOnlyMemory<char> text = default;
        row.GetGetter<ReadOnlyMemory<char>>(column)(ref text);
        return text;
    }
}
