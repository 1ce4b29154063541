using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Orleans.Serving;

/// <summary>The values of a row, as they go over the network: texts, numbers, truth values, and arrays of them.</summary>
internal static class RowValues
{
    /// <param name="columns">The names of those that are read.</param>
    /// <exception cref="NotSupportedException">A column has another type.</exception>
    public static Dictionary<string, object> Read(DataViewRow row, IReadOnlyList<string> columns) =>
        columns.ToDictionary(name => name, name => Read(row, row.Schema[name]));

    private static object Read(DataViewRow row, DataViewSchema.Column column) => column.Type switch
    {
        TextDataViewType => Value<ReadOnlyMemory<char>>(row, column).ToString(),
        VectorDataViewType { ItemType: TextDataViewType } => Items<ReadOnlyMemory<char>>(row, column).Select(text => text.ToString()).ToArray(),
        VectorDataViewType vector => vector.ItemType.RawType switch
        {
            var type when type == typeof(float) => Items<float>(row, column),
            var type when type == typeof(int) => Items<int>(row, column),
            var type when type == typeof(bool) => Items<bool>(row, column),
            var type when type == typeof(uint) => Items<uint>(row, column),
            _ => throw Unknown(column),
        },
        var scalar => scalar.RawType switch
        {
            var type when type == typeof(float) => Value<float>(row, column),
            var type when type == typeof(int) => Value<int>(row, column),
            var type when type == typeof(bool) => Value<bool>(row, column),
            var type when type == typeof(uint) => Value<uint>(row, column),
            _ => throw Unknown(column),
        },
    };

    private static T Value<T>(DataViewRow row, DataViewSchema.Column column)
    {
        T value = default!;
        row.GetGetter<T>(column)(ref value);
        return value;
    }

    private static T[] Items<T>(DataViewRow row, DataViewSchema.Column column) => [.. Value<VBuffer<T>>(row, column).DenseValues()];

    private static NotSupportedException Unknown(DataViewSchema.Column column) =>
        new($"The model gives a column '{column.Name}' of {column.Type}, which clusters do not send. Leave that step out.");
}
