using System.Numerics;
using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>Reads columns of keys of any width: byte, ushort, uint, ulong. A missing key is 0, the first value is 1.</summary>
internal static class KeyColumn
{
    /// <summary>Prepares to read a column with a key per row. Every call of the result reads the current row.</summary>
    public static Func<ulong> Open(DataViewRow row, DataViewSchema.Column column)
    {
        var width = column.Type.RawType;
        return width == typeof(byte) ? Open<byte>(row, column)
            : width == typeof(ushort) ? Open<ushort>(row, column)
            : width == typeof(uint) ? Open<uint>(row, column)
            : Open<ulong>(row, column);
    }

    /// <summary>Prepares to read a column with a vector of keys per row. Every call of the result reads the current row.</summary>
    public static Func<ulong[]> OpenVector(DataViewRow row, DataViewSchema.Column column)
    {
        var width = ((VectorDataViewType)column.Type).ItemType.RawType;
        return width == typeof(byte) ? OpenVector<byte>(row, column)
            : width == typeof(ushort) ? OpenVector<ushort>(row, column)
            : width == typeof(uint) ? OpenVector<uint>(row, column)
            : OpenVector<ulong>(row, column);
    }

    private static Func<ulong> Open<T>(DataViewRow row, DataViewSchema.Column column)
        where T : struct, IBinaryInteger<T>
    {
        var getter = row.GetGetter<T>(column);
        return () =>
        {
            T key = default;
            getter(ref key);
            return ulong.CreateChecked(key);
        };
    }

    private static Func<ulong[]> OpenVector<T>(DataViewRow row, DataViewSchema.Column column)
        where T : struct, IBinaryInteger<T>
    {
        var getter = row.GetGetter<VBuffer<T>>(column);
        VBuffer<T> keys = default;
        return () =>
        {
            getter(ref keys);
            return [.. keys.DenseValues().Select(ulong.CreateChecked)];
        };
    }
}
