using System.Text.Json.Nodes;
using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Serving.Rows;

/// <summary>A column of a prediction.</summary>
internal sealed class OutputColumn
{
    private readonly Func<DataViewRow, DataViewSchema.Column, JsonNode?> _read;

    /// <param name="classes">The model's classes, by key from 1.</param>
    public OutputColumn(DataViewSchema.Column column, IReadOnlyList<string> classes)
    {
        (Name, Type) = (column.Name, column.Type);
        var names = column.Type is VectorDataViewType ? SlotsOf(column) : null;
        var keys = KeysOf(column) ?? classes;
        _read = column.Type switch
        {
            TextDataViewType => (row, c) => JsonValue.Create(Value<ReadOnlyMemory<char>>(row, c).ToString()),
            BooleanDataViewType => (row, c) => JsonValue.Create(Value<bool>(row, c)),
            KeyDataViewType when column.Type.RawType == typeof(uint) => (row, c) => Key(Value<uint>(row, c), keys),
            _ when column.Type.RawType == typeof(float) => (row, c) => Number(Value<float>(row, c)),
            _ when column.Type.RawType == typeof(int) => (row, c) => JsonValue.Create(Value<int>(row, c)),
            VectorDataViewType { ItemType: TextDataViewType } => (row, c) => Array<ReadOnlyMemory<char>>(row, c, text => JsonValue.Create(text.ToString())),
            VectorDataViewType { ItemType: BooleanDataViewType } => (row, c) => Named<bool>(row, c, names, value => JsonValue.Create(value)),
            VectorDataViewType { ItemType: KeyDataViewType key } when key.RawType == typeof(uint) => (row, c) => Array<uint>(row, c, value => Key(value, keys)),
            VectorDataViewType vector when vector.ItemType.RawType == typeof(float) => (row, c) => Named<float>(row, c, names, Number),
            VectorDataViewType vector when vector.ItemType.RawType == typeof(int) => (row, c) => Array<int>(row, c, value => JsonValue.Create(value)),
            _ => throw new InvalidDataException($"The model gives a column '{column.Name}' of {column.Type}, which is not made JSON of. Leave that step out."),
        };
    }

    public string Name { get; }

    public DataViewType Type { get; }

    /// <exception cref="ArgumentOutOfRangeException">The row lacks the column.</exception>
    public JsonNode? Read(DataViewRow row) => _read(row, Of(row));

    /// <summary>The values of a vector.</summary>
    /// <inheritdoc cref="Read" path="/exception"/>
    public T[] Values<T>(DataViewRow row) => Vector<T>(row, Of(row));

    private DataViewSchema.Column Of(DataViewRow row) =>
        row.Schema.GetColumnOrNull(Name) is { } column && column.Type.RawType == Type.RawType
            ? column
            : throw new ArgumentOutOfRangeException(nameof(row), $"The row has no column '{Name}' of {Type}.");

    private static JsonNode? Number(float value) => float.IsFinite(value) ? JsonValue.Create(value) : null;

    // A missing key is 0. A key without a name is a place from 0, as labels have it.
    private static JsonNode? Key(uint key, IReadOnlyList<string> names) =>
        key == 0 ? null : key <= names.Count ? JsonValue.Create(names[(int)key - 1]) : JsonValue.Create(key - 1);

    private static JsonNode Named<T>(DataViewRow row, DataViewSchema.Column column, IReadOnlyList<string>? names, Func<T, JsonNode?> convert)
    {
        var values = Vector<T>(row, column);
        if (names is null || names.Count != values.Length)
            return new JsonArray([.. values.Select(convert)]);

        var named = new JsonObject();
        foreach (var (name, value) in names.Zip(values))
            named[name] = convert(value);
        return named;
    }

    private static JsonArray Array<T>(DataViewRow row, DataViewSchema.Column column, Func<T, JsonNode?> convert) =>
        new([.. Vector<T>(row, column).Select(convert)]);

    private static T Value<T>(DataViewRow row, DataViewSchema.Column column)
    {
        T value = default!;
        row.GetGetter<T>(column)(ref value);
        return value;
    }

    private static T[] Vector<T>(DataViewRow row, DataViewSchema.Column column) => [.. Value<VBuffer<T>>(row, column).DenseValues()];

    private static string[]? SlotsOf(DataViewSchema.Column column)
    {
        if (!column.HasSlotNames())
            return null;
        VBuffer<ReadOnlyMemory<char>> names = default;
        column.GetSlotNames(ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }

    private static string[]? KeysOf(DataViewSchema.Column column)
    {
        if (column.Annotations.Schema.GetColumnOrNull("KeyValues")?.Type is not VectorDataViewType { ItemType: TextDataViewType })
            return null;
        VBuffer<ReadOnlyMemory<char>> names = default;
        column.GetKeyValues(ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }
}
