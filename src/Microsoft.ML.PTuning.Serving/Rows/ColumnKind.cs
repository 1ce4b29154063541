using System.Text.Json;
using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Serving.Rows;

/// <summary>What a column holds, and how JSON gives it.</summary>
/// <param name="Name">What API and messages call it.</param>
/// <param name="Read">Reads a value, as ML.NET holds it; null if the JSON is of another kind.</param>
internal sealed record ColumnKind(string Name, Func<JsonElement, object?> Read)
{
    private static readonly ColumnKind Text = new("text", value => value.ValueKind == JsonValueKind.String ? (object)value.GetString().AsMemory() : null);
    private static readonly ColumnKind Boolean = new("boolean", value =>
        value.ValueKind is JsonValueKind.True or JsonValueKind.False ? (object)value.GetBoolean() : null);
    private static readonly ColumnKind Number = new("number", value => Single(value));
    private static readonly ColumnKind Integer = new("integer", value =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? (object)number : null);

    private static readonly ColumnKind Texts = new("texts", value => Vector(value, item => (ReadOnlyMemory<char>?)Text.Read(item)));

    /// <returns>The kind of a column; null if JSON cannot give it.</returns>
    public static ColumnKind? Of(DataViewType type) => type switch
    {
        TextDataViewType => Text,
        BooleanDataViewType => Boolean,
        NumberDataViewType when type.RawType == typeof(float) => Number,
        NumberDataViewType when type.RawType == typeof(int) => Integer,
        VectorDataViewType { ItemType: TextDataViewType } vector => Sized(Texts, vector.Size),
        VectorDataViewType { ItemType: NumberDataViewType item } vector when item.RawType == typeof(float) =>
            Sized(new("numbers", value => Vector(value, Single)), vector.Size),
        _ => null,
    };

    /// <param name="size">The number of items; 0 for any.</param>
    private static ColumnKind Sized(ColumnKind kind, int size) =>
        size == 0 ? kind : new($"{size} {kind.Name}", value =>
            value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == size ? kind.Read(value) : null);

    private static float? Single(JsonElement value) => value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out var number) ? number : null;

    private static object? Vector<T>(JsonElement value, Func<JsonElement, T?> read)
        where T : struct
    {
        if (value.ValueKind != JsonValueKind.Array)
            return null;

        var items = new T[value.GetArrayLength()];
        var count = 0;
        foreach (var item in value.EnumerateArray())
        {
            if (read(item) is not { } found)
                return null;
            items[count++] = found;
        }
        return new VBuffer<T>(items.Length, items);
    }
}
