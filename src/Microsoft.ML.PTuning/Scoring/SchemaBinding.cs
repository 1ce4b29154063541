using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>Reads rows of a schema for a model and hands out its predictions, in two separate steps. Safe for any number of threads.</summary>
/// <remarks>As <see cref="RowBinding{TRow, TPrediction}"/>, without a type that ML.NET would compile code for.</remarks>
internal sealed class SchemaBinding : IDisposable
{
    private readonly CurrentRow _given;
    private readonly DataViewRow _rowRead; // The given row after the steps before the model.
    private readonly Func<PendingExample?> _read;
    private readonly CurrentRow _answered;
    private readonly DataViewRow _rowWritten; // The answered row after the whole chain.
    private Prediction? _prediction;

    /// <param name="before">The steps of a chain before the model.</param>
    /// <param name="after">The steps of a chain after the model.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column that the model reads is missing, or of another type.</exception>
    public SchemaBinding(DataViewSchema schema, ITransformer[] before, PromptTask task, ITransformer[] after)
    {
        (_given, _answered) = (new CurrentRow(schema), new CurrentRow(schema));
        var mapper = ((ITransformer)new TransformerChain<ITransformer>(before)).GetRowToRowMapper(schema);
        _rowRead = mapper.GetRow(_given, [.. task.Inputs.Select(column => ScoringSchema.Find(column, mapper.OutputSchema)).DistinctBy(column => column.Index)]);
        try
        {
            _read = task.OpenRow(_rowRead, withTarget: false);

            var chain = new TransformerChain<ITransformer>([.. before, new GivenPrediction(task, () => _prediction!), .. after]);
            var whole = ((ITransformer)chain).GetRowToRowMapper(schema);
            _rowWritten = whole.GetRow(_answered, whole.OutputSchema);
        }
        catch
        {
            _rowRead.Dispose();
            throw;
        }
    }

    /// <returns>The row as the model reads it.</returns>
    public PendingExample Read(DataViewRow row)
    {
        lock (_given)
        {
            _given.Set(row);
            try
            {
                return _read()!;
            }
            finally
            {
                _given.Set(null);
            }
        }
    }

    /// <param name="read">Called with the row and the columns that the chain adds.</param>
    public TResult Write<TResult>(DataViewRow row, Prediction prediction, Func<DataViewRow, TResult> read)
    {
        lock (_answered)
        {
            _answered.Set(row);
            _prediction = prediction;
            try
            {
                return read(_rowWritten);
            }
            finally
            {
                _prediction = null;
                _answered.Set(null);
            }
        }
    }

    public void Dispose()
    {
        _rowWritten.Dispose();
        _rowRead.Dispose();
    }

    /// <summary>A row that stands for one row after another.</summary>
    private sealed class CurrentRow(DataViewSchema schema) : DataViewRow
    {
        private DataViewRow? _row;
        private long _position = -1;

        public override DataViewSchema Schema => schema;

        // Steps of ML.NET compute once per position.
        public override long Position => _position;

        public override long Batch => 0;

        public void Set(DataViewRow? row)
        {
            _row = row;
            if (row is not null)
                _position++;
        }

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = new DataViewRowId((ulong)_position, 0);

        public override bool IsColumnActive(DataViewSchema.Column column) => true;

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
            (ref TValue value) => _row!.GetGetter<TValue>(_row.Schema[column.Index])(ref value);
    }
}
