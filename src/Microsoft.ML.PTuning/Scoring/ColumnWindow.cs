using System.Reflection;
using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>The values of a passed-through column in the rows read ahead.</summary>
internal abstract class ColumnWindow
{
    private static readonly MethodInfo TypedCreate =
        typeof(ColumnWindow).GetMethod(nameof(CreateTyped), BindingFlags.NonPublic | BindingFlags.Static)!;

    public static ColumnWindow Create(DataViewRow source, DataViewSchema.Column column) =>
        (ColumnWindow)TypedCreate.MakeGenericMethod(column.Type.RawType).Invoke(null, [source, column])!;

    /// <summary>Copies the source's current value.</summary>
    /// <param name="row">Where it is stored: the next free place, or one that was used before.</param>
    public abstract void Keep(int row);

    /// <param name="row">The row whose value is wanted.</param>
    /// <returns>A <see cref="ValueGetter{TValue}"/> of the column's type.</returns>
    public abstract Delegate CreateGetter(Func<int> row);

    private static ColumnWindow CreateTyped<T>(DataViewRow source, DataViewSchema.Column column)
    {
        var getter = source.GetGetter<T>(column);
        if (!typeof(T).IsGenericType || typeof(T).GetGenericTypeDefinition() != typeof(VBuffer<>))
            return new ColumnWindow<T>(getter);
        return (ColumnWindow)Activator.CreateInstance(typeof(VectorColumnWindow<>).MakeGenericType(typeof(T).GetGenericArguments()), getter)!;
    }
}

/// <inheritdoc/>
internal class ColumnWindow<T>(ValueGetter<T> source) : ColumnWindow
{
    private T[] _values = new T[1];

    public override void Keep(int row)
    {
        if (row == _values.Length)
            Array.Resize(ref _values, 2 * row);
        if (!typeof(T).IsValueType)
            _values[row] = default!; // A caller may hold the old value, and a source may dispose the value that it fills, as ML.NET's image readers do.
        source(ref _values[row]);
    }

    public override Delegate CreateGetter(Func<int> row) => (ValueGetter<T>)((ref T value) => Get(row(), ref value));

    public void Get(int row, ref T value) => Copy(in _values[row], ref value);

    protected virtual void Copy(in T cached, ref T value) => value = cached;
}

/// <summary>Vectors are copied out: their arrays belong to the window and are filled again.</summary>
internal sealed class VectorColumnWindow<TItem>(ValueGetter<VBuffer<TItem>> source) : ColumnWindow<VBuffer<TItem>>(source)
{
    protected override void Copy(in VBuffer<TItem> cached, ref VBuffer<TItem> value) => cached.CopyTo(ref value);
}
