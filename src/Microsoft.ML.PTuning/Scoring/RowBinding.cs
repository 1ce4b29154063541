using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>Reads rows of a type for a model and writes its predictions, in two separate steps. Safe for any number of threads.</summary>
/// <remarks>
/// ML.NET compiles code to read a type, so a binding is made once per type. A <c>PredictionEngine</c> writes the predictions. It gets the finished
/// prediction in the model's place, so columns are named, converted and passed through as everywhere in ML.NET.
/// </remarks>
internal sealed class RowBinding<TRow, TPrediction> : IDisposable
    where TRow : class
    where TPrediction : class, new()
{
    private readonly DataViewRowCursor _cursor;
    private readonly DataViewRow _rowRead; // The cursor's row after the steps before the model.
    private readonly Func<PendingExample?> _read;
    private readonly PredictionEngine<TRow, TPrediction> _writer;
    private readonly object _writing = new();
    private TRow? _row;
    private Prediction? _prediction;

    /// <param name="before">The steps of a chain before the model.</param>
    /// <param name="after">The steps of a chain after the model.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column that the model reads is missing, or of another type.</exception>
    public RowBinding(MLContext mlContext, ITransformer[] before, PromptTask task, ITransformer[] after)
    {
        var data = mlContext.Data.LoadFromEnumerable(Rows());
        var mapper = ((ITransformer)new TransformerChain<ITransformer>(before)).GetRowToRowMapper(data.Schema);
        var columns = task.Inputs.Select(column => ScoringSchema.Find(column, mapper.OutputSchema)).DistinctBy(column => column.Index).ToArray();
        _cursor = data.GetRowCursor(mapper.GetDependencies(columns));
        try
        {
            _rowRead = mapper.GetRow(_cursor, columns);
            _read = task.OpenRow(_rowRead, withTarget: false);

            var chain = new TransformerChain<ITransformer>([.. before, new GivenPrediction(task, () => _prediction!), .. after]);
            _writer = mlContext.Model.CreatePredictionEngine<TRow, TPrediction>(chain, new PredictionEngineOptions { OwnsTransformer = false });
        }
        catch
        {
            _rowRead?.Dispose();
            _cursor.Dispose();
            throw;
        }
    }

    /// <returns>The row as the model reads it.</returns>
    public PendingExample Read(TRow row)
    {
        lock (_cursor)
        {
            _row = row;
            try
            {
                _cursor.MoveNext();
                return _read()!;
            }
            finally
            {
                _row = null;
            }
        }
    }

    /// <summary>The prediction as the caller's type, with the columns that it takes from the row.</summary>
    public TPrediction Write(TRow row, Prediction prediction)
    {
        lock (_writing)
        {
            _prediction = prediction;
            try
            {
                return _writer.Predict(row);
            }
            finally
            {
                _prediction = null;
            }
        }
    }

    public void Dispose()
    {
        _writer.Dispose();
        _rowRead.Dispose();
        _cursor.Dispose();
    }

    /// <summary>An endless sequence of the row to read now.</summary>
    private IEnumerable<TRow> Rows()
    {
        while (true)
            yield return _row!;
    }
}

/// <summary>Replaces the model in a chain, and gives predictions that were made elsewhere.</summary>
/// <param name="prediction">The current row's.</param>
internal sealed class GivenPrediction(PromptTask task, Func<Prediction> prediction) : ITransformer
{
    public bool IsRowToRowMapper => true;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => new ScoringSchema(task, inputSchema).Output;

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => new ScoringRowMapper(task, inputSchema, _ => prediction);

    public IDataView Transform(IDataView input) => throw new NotSupportedException("It maps single rows only.");

    void ICanSaveModel.Save(ModelSaveContext ctx) => throw new NotSupportedException("It is not part of any model.");
}
