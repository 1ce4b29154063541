using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Serving.Rows;

/// <summary>A row of values that were read from JSON. Any number of threads may read it at once.</summary>
/// <param name="values">A value per column of the schema, as ML.NET holds it; null for columns that nobody reads.</param>
internal sealed class JsonRow(DataViewSchema schema, object?[] values) : DataViewRow
{
    public override DataViewSchema Schema => schema;

    public override long Position => 0;

    public override long Batch => 0;

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = default;

    public override bool IsColumnActive(DataViewSchema.Column column) => values[column.Index] is not null;

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        var value = values[column.Index];
        Delegate? getter = value switch
        {
            // Readers may write into the buffer that they got, so each gets its own.
            VBuffer<ReadOnlyMemory<char>> texts => (ValueGetter<VBuffer<ReadOnlyMemory<char>>>)((ref VBuffer<ReadOnlyMemory<char>> to) => texts.CopyTo(ref to)),
            VBuffer<float> numbers => (ValueGetter<VBuffer<float>>)((ref VBuffer<float> to) => numbers.CopyTo(ref to)),
            TValue scalar => (ValueGetter<TValue>)((ref TValue to) => to = scalar),
            _ => null,
        };
        return getter as ValueGetter<TValue>
            ?? throw new InvalidOperationException(
                value is null ? $"Column '{column.Name}' has no value." : $"Column '{column.Name}' holds {column.Type.RawType}, not {typeof(TValue)}.");
    }
}
