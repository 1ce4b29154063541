using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>Reads a window of rows ahead and predicts them together, so that rows of similar length share a batch. Keeps the order of rows.</summary>
/// <remarks>
/// The first windows are small, and are read only when the consumer needs one of their rows, so a preview of some rows costs little. From the first
/// large window on, the next window is read while this one is predicted, and predicted while this one is consumed. So the worker threads wait neither
/// for text nor for the last batch of a window. The source may run any code, so it is read on the consumer's thread; only encoding and predicting run
/// on others. If no added column is wanted, the cursor reads row by row.
/// </remarks>
internal sealed class LookAheadCursor : DataViewRowCursor
{
    private const int FirstWindow = 64, LargestWindow = 1024;

    /// <summary>ML.NET reads six batches ahead, and all are of the first window.</summary>
    private const int SmallBatch = 8;

    /// <summary>Rows between two checks for cancellation.</summary>
    private const int RowsBetweenChecks = 64;

    private static readonly Task<Prediction[]> Nothing = Task.FromResult<Prediction[]>([]);

    private readonly PromptModel _model;
    private readonly ScoringSchema _schema;
    private readonly DataViewRowCursor _source;
    private readonly Action _checkCancelled;
    private readonly IReadOnlySet<int> _active;
    private readonly Dictionary<int, ColumnWindow> _columns;
    private readonly ColumnWindow<DataViewRowId> _ids;
    private readonly ColumnWindow<long> _batches;
    private readonly Func<PendingExample?>? _read;
    private Window _window = new(0, 0, Nothing);
    private Window? _next;
    private Prediction[] _predictions = [];
    private int _size;
    private int _row;
    private long _position = -1;
    private volatile bool _isDisposed;

    /// <param name="source">The cursor takes it over.</param>
    /// <param name="active">Columns of the output that are wanted.</param>
    /// <param name="checkCancelled">Throws if the work has been cancelled; called on any thread.</param>
    public LookAheadCursor(PromptModel model, ScoringSchema schema, DataViewRowCursor source, IReadOnlySet<int> active, Action checkCancelled)
    {
        (_model, _schema, _source, _active, _checkCancelled) = (model, schema, source, active, checkCancelled);
        _columns = active.Where(c => !schema.IsAdded(c)).ToDictionary(c => c, c => ColumnWindow.Create(source, schema.Input[c]));
        _ids = new ColumnWindow<DataViewRowId>(source.GetIdGetter());
        _batches = new ColumnWindow<long>((ref long value) => value = source.Batch);
        _read = active.Any(schema.IsAdded) ? model.Task.OpenRow(source, withTarget: false) : null;
        _size = _read is null ? 1 : FirstWindow;
    }

    /// <summary>Whether its batches have a few rows each, instead of being those of the source.</summary>
    public bool HasSmallBatches { get; init; }

    public override DataViewSchema Schema => _schema.Output;

    public override long Position => _position;

    public override long Batch
    {
        get
        {
            if (HasSmallBatches)
                return Math.Max(0, _position) / SmallBatch;

            long batch = 0;
            _batches.Get(CurrentPlace(), ref batch);
            return batch;
        }
    }

    public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column.Index);

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => _ids.Get(CurrentPlace(), ref value);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
        _schema.Getter<TValue>(column, _active, () => _predictions[CurrentRow()], passed => _columns[passed.Index].CreateGetter(CurrentPlace));

    public override bool MoveNext()
    {
        if (_position >= 0 && ++_row < _window.Rows)
        {
            _position++;
            return true;
        }
        var (position, size) = (_position, _size);
        (_position, _size) = (-1, 0); // The end, also after a failure: the rows that were read are lost.
        if (size == 0 || !Advance(size))
            return false;
        _position = position + 1;
        _size = _read is null ? size : Math.Min(4 * size, LargestWindow);
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _isDisposed = true;
            ((Task?)_next?.Predicting)?.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter().GetResult();
            (_next, _size) = (null, 0);
            _source.Dispose();
        }
        base.Dispose(disposing);
    }

    private int CurrentRow() => _position >= 0
        ? _row
        : throw new InvalidOperationException("The cursor stands on no row. Read values only after a MoveNext that returned true.");

    private int CurrentPlace() => _window.Start + CurrentRow();

    private bool Advance(int size)
    {
        _window = _next ?? Begin(0, size);
        _next = size == LargestWindow && _window.Rows == size ? Begin(LargestWindow - _window.Start, size) : null;
        _row = 0;
        _predictions = _window.Predicting.GetAwaiter().GetResult();
        return _window.Rows > 0;
    }

    /// <summary>Reads a window and starts its prediction. Exceptions of reading are thrown when the consumer reaches the window.</summary>
    private Window Begin(int start, int size)
    {
        try
        {
            var pending = new List<PendingExample>();
            var rows = 0;
            for (; rows < size && _source.MoveNext(); rows++)
            {
                if ((_source.Position & (RowsBetweenChecks - 1)) == 0)
                    _checkCancelled();
                foreach (var column in _columns.Values)
                    column.Keep(start + rows);
                _ids.Keep(start + rows);
                _batches.Keep(start + rows);
                if (_read is not null)
                    pending.Add(_read()!);
            }
            return new Window(start, rows, pending.Count == 0 ? Nothing : Task.Run(() => _model.Predict(pending, Check)));
        }
        catch (Exception e)
        {
            return new Window(start, 0, Task.FromException<Prediction[]>(e));
        }
    }

    private void Check()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _checkCancelled();
    }

    /// <summary>Rows read together.</summary>
    /// <param name="Start">Where the first of them is stored. Of two windows in use, one starts at 0 and the other at the end of the largest window.</param>
    private sealed record Window(int Start, int Rows, Task<Prediction[]> Predicting);
}
