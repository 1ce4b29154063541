using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>A column that a prediction adds.</summary>
/// <param name="Read">Reads the current row's value: a text, a <see cref="float"/>, a <see cref="bool"/>, an array of them, or a dictionary of scores by class.</param>
/// <param name="Type">The type of that value, or of an item of it.</param>
internal sealed record PredictedColumn(string Name, IReadOnlyList<string>? Slots, Type Type, bool IsList, Func<object> Read)
{
    /// <param name="row">A row behind the whole pipeline.</param>
    public static PredictedColumn Of(DataViewRow row, DataViewSchema.Column column)
    {
        if (column.Type is not VectorDataViewType vector)
            return Scalar(row, column);
        if (vector.ItemType is TextDataViewType)
            return List<ReadOnlyMemory<char>, string>(row, column, text => text.ToString());
        if (vector.ItemType is KeyDataViewType)
            return List<uint, int>(row, column, key => (int)key - 1);
        if (vector.ItemType.RawType == typeof(int))
            return List<int, int>(row, column, number => number);
        if (vector.ItemType.RawType == typeof(bool))
            return List<bool, bool>(row, column, value => value);
        return List<float, float>(row, column, number => number) with { Slots = SlotsOf(column) };
    }

    private static IReadOnlyList<string>? SlotsOf(DataViewSchema.Column column)
    {
        if (!column.HasSlotNames())
            return null;
        VBuffer<ReadOnlyMemory<char>> names = default;
        column.GetSlotNames(ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }

    private static PredictedColumn Scalar(DataViewRow row, DataViewSchema.Column column) =>
        column.Type is TextDataViewType ? Value<ReadOnlyMemory<char>, string>(row, column, text => text.ToString())
        : column.Type is BooleanDataViewType ? Value<bool, bool>(row, column, value => value)
        : column.Type.RawType == typeof(uint) ? Value<uint, float>(row, column, key => (float)key - 1) // A place from 0, as labels have it.
        : column.Type.RawType == typeof(int) ? Value<int, float>(row, column, value => value)
        : Value<float, float>(row, column, value => value);

    private static PredictedColumn Value<T, TValue>(DataViewRow row, DataViewSchema.Column column, Func<T, TValue> convert)
    {
        var getter = row.GetGetter<T>(column);
        T value = default!;
        return new(column.Name, null, typeof(TValue), IsList: false, () =>
        {
            getter(ref value);
            return convert(value)!;
        });
    }

    private static PredictedColumn List<T, TValue>(DataViewRow row, DataViewSchema.Column column, Func<T, TValue> convert)
    {
        var getter = row.GetGetter<VBuffer<T>>(column);
        VBuffer<T> values = default;
        return new(column.Name, null, typeof(TValue), IsList: true, () =>
        {
            getter(ref values);
            return values.DenseValues().Select(convert).ToArray();
        });
    }
}
