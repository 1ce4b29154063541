using Parquet.Schema;

namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>
/// Writes predictions as Parquet, a row group at a time. Columns of a Parquet file keep their types, those of another one are texts. A class's score is a
/// column of its own, <c>Score.CLASS</c>.
/// </summary>
internal sealed class ParquetPredictions : PredictionWriter
{
    private const int GroupRows = 10_000;

    private readonly Stream _output;
    private readonly IReadOnlyList<DataColumn> _columns;
    private readonly IReadOnlyList<int> _own;
    private readonly IReadOnlyList<PredictedColumn> _added;
    private readonly ParquetGroups _groups;
    private readonly List<IDictionary<string, object?>> _rows = [];

    public ParquetPredictions(Stream output, IReadOnlyList<DataColumn> columns, IReadOnlyList<int> own, IReadOnlyList<PredictedColumn> added)
    {
        if (!output.CanSeek)
            throw new DataException("Parquet cannot be written to a pipe. Name a file with --output, or another format.");

        (_output, _columns, _own, _added) = (output, columns, own, added);
        _groups = new ParquetGroups(output, new ParquetSchema([.. own.Select(place => FieldOf(columns[place])), .. added.SelectMany(FieldsOf)]));
    }

    public override void Write(DataRow row)
    {
        var values = new Dictionary<string, object?>();
        foreach (var place in _own)
        {
            var name = _columns[place].Name;
            values[name] = ParquetGroups.Stored(row.Values is null ? row.Cells[place] : row.Values.TryGetValue(name, out var own) ? own : null);
        }

        foreach (var column in _added)
        {
            var value = column.Read();
            if (column.Slots is null)
                values[column.Name] = ParquetGroups.Stored(value);
            else
                foreach (var (slot, score) in column.Slots.Zip((float[])value))
                    values[$"{column.Name}.{slot}"] = score;
        }

        _rows.Add(values);
        if (_rows.Count == GroupRows)
            Flush();
    }

    public override void Dispose()
    {
        if (_rows.Count > 0)
            Flush();
        _groups.Finish();
        _output.Dispose();
    }

    private static Field FieldOf(DataColumn column) => column.Field
        ?? (column.IsList ? new ListField(column.Name, new DataField<string>("element")) : new DataField<string>(column.Name));

    private static IEnumerable<Field> FieldsOf(PredictedColumn column) => column switch
    {
        { Slots: { } slots } => slots.Select(slot => new DataField($"{column.Name}.{slot}", column.Type)),
        { IsList: true } => [new ListField(column.Name, new DataField("element", column.Type))],
        _ => [new DataField(column.Name, column.Type)],
    };

    private void Flush()
    {
        _groups.Append(_rows);
        _rows.Clear();
    }
}
