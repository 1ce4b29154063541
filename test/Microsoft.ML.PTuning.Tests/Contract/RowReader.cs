using System.Reflection;
using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tests.Contract;

/// <summary>Reads rows of any schema as values that can be compared.</summary>
internal static class RowReader
{
    private static readonly MethodInfo TypedOpen = typeof(RowReader).GetMethod(nameof(OpenTyped), BindingFlags.NonPublic | BindingFlags.Static)!;

    /// <summary>All rows by their ids, each with the values of some columns.</summary>
    public static Dictionary<DataViewRowId, object[][]> ReadById(IEnumerable<DataViewRowCursor> cursors, params string[] columns)
    {
        var rows = new Dictionary<DataViewRowId, object[][]>();
        foreach (var cursor in cursors)
            using (cursor)
            {
                var read = Open(cursor, columns);
                var id = cursor.GetIdGetter();
                DataViewRowId current = default;
                while (cursor.MoveNext())
                {
                    id(ref current);
                    rows.Add(current, read());
                }
            }
        return rows;
    }

    /// <summary>Prepares to read: every call of the result gives the current row's values, column by column.</summary>
    public static Func<object[][]> Open(DataViewRow row, params string[] columns)
    {
        var getters = Array.ConvertAll(columns, name =>
            (Func<object[]>)TypedOpen.MakeGenericMethod(ItemType(row.Schema[name].Type)).Invoke(null, [row, row.Schema[name]])!);
        return () => Array.ConvertAll(getters, getter => getter());
    }

    /// <summary>Numbers may differ in their last digits with the batch; everything else is the same.</summary>
    public static void AssertSame(object[][] expected, object[][] actual, string what)
    {
        foreach (var (one, other) in expected.Zip(actual))
        {
            Assert.HasCount(one.Length, other, what);
            foreach (var (a, b) in one.Zip(other))
            {
                if (a is float number)
                    Assert.AreEqual(number, (float)b, 1e-5f * (1 + Math.Abs(number)), what);
                else
                    Assert.AreEqual(a, b, what);
            }
        }
    }

    private static Type ItemType(DataViewType type) => type is VectorDataViewType vector ? vector.ItemType.RawType : type.RawType;

    private static Func<object[]> OpenTyped<T>(DataViewRow row, DataViewSchema.Column column)
    {
        if (column.Type is VectorDataViewType)
        {
            var vectors = row.GetGetter<VBuffer<T>>(column);
            VBuffer<T> vector = default;
            return () =>
            {
                vectors(ref vector);
                return [.. vector.DenseValues().Select(Comparable)];
            };
        }
        var getter = row.GetGetter<T>(column);
        T value = default!;
        return () =>
        {
            getter(ref value);
            return [Comparable(value)];
        };
    }

    private static object Comparable<T>(T value) => value is ReadOnlyMemory<char> text ? text.ToString() : value!;
}
