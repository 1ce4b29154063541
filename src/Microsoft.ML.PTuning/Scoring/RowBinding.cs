using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>Reads rows of a type for a model, and writes its predictions, each in a step of its own. Safe for any number of threads.</summary>
/// <remarks>
/// ML.NET compiles how a type is read, so a binding is made once and kept. Predictions are written by a <c>PredictionEngine</c> that is given
/// the finished prediction in the model's place: columns are named, converted and passed through as everywhere in ML.NET.
/// </remarks>
internal sealed class RowBinding<TRow, TPrediction> : IDisposable
    where TRow : class
    where TPrediction : class, new()
{
    private readonly DataViewRowCursor _cursor;
    private readonly DataViewRow _rowRead; // The cursor's, after what a chain has before the model.
    private readonly Func<PendingExample?> _read;
    private readonly PredictionEngine<TRow, TPrediction> _writer;
    private readonly object _writing = new();
    private TRow? _row;
    private Prediction? _prediction;

    /// <param name="before">What a chain has before the model, and <paramref name="after"/> it.</param>
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

    /// <returns>What the model has to know of the row.</returns>
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

    /// <summary>The prediction as the caller's type has it, with what it takes from the row itself.</summary>
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

    /// <summary>Endlessly the row to be read now.</summary>
    private IEnumerable<TRow> Rows()
    {
        while (true)
            yield return _row!;
    }
}
