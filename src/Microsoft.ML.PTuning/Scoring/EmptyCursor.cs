using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>A cursor over scored data that has no rows.</summary>
/// <param name="active">Columns of the output that are wanted.</param>
internal sealed class EmptyCursor(ScoringSchema schema, IReadOnlySet<int> active) : DataViewRowCursor
{
    public override DataViewSchema Schema => schema.Output;

    public override long Position => -1;

    public override long Batch => 0;

    public override bool MoveNext() => false;

    public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

    public override ValueGetter<DataViewRowId> GetIdGetter() => NoRow;

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
        schema.Output[column.Index].Type.RawType == typeof(TValue)
            ? NoRow
            : throw new InvalidOperationException($"Column '{column.Name}' holds {column.Type.RawType}, not {typeof(TValue)}.");

    private static void NoRow<T>(ref T value) => throw new InvalidOperationException("The cursor has no rows.");
}
