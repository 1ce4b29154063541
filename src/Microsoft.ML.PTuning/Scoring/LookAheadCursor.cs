using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>Reads a window of rows ahead and predicts them together, so that rows of like length share a batch; gives them back in their order.</summary>
/// <remarks>The first windows are small, so that a preview of some rows costs little. Where no added column is wanted, it reads row by row.</remarks>
internal sealed class LookAheadCursor : DataViewRowCursor
{
    private const int FirstWindow = 64, LargestWindow = 1024;

    private readonly PromptModel _model;
    private readonly ScoringSchema _schema;
    private readonly DataViewRowCursor _source;
    private readonly IReadOnlySet<int> _active;
    private readonly Dictionary<int, ColumnWindow> _columns;
    private readonly ColumnWindow<DataViewRowId> _ids;
    private readonly List<long> _batches = [];
    private readonly List<PendingExample> _pending = [];
    private readonly Func<PendingExample?>? _read;
    private Prediction[] _predictions = [];
    private int _window;
    private int _row;
    private long _position = -1;

    /// <param name="source">The cursor takes it over.</param>
    /// <param name="active">Columns of the output that are wanted.</param>
    public LookAheadCursor(PromptModel model, ScoringSchema schema, DataViewRowCursor source, IReadOnlySet<int> active)
    {
        (_model, _schema, _source, _active) = (model, schema, source, active);
        _columns = active.Where(c => !schema.IsAdded(c)).ToDictionary(c => c, c => ColumnWindow.Create(source, schema.Input[c]));
        _ids = new ColumnWindow<DataViewRowId>(source.GetIdGetter());
        _read = active.Any(schema.IsAdded) ? model.Task.OpenRow(source, withTarget: false) : null;
        _window = _read is null ? 1 : FirstWindow;
    }

    public override DataViewSchema Schema => _schema.Output;

    public override long Position => _position;

    public override long Batch => _batches[CurrentRow()];

    public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column.Index);

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => _ids.Get(CurrentRow(), ref value);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
        _schema.Getter<TValue>(column, _active, () => _predictions[CurrentRow()], passed => _columns[passed.Index].CreateGetter(CurrentRow));

    public override bool MoveNext()
    {
        if (_position >= 0 && ++_row < _batches.Count)
        {
            _position++;
            return true;
        }
        var (position, window) = (_position, _window);
        (_position, _window) = (-1, 0); // The end; also where reading or predicting fails: the rows it took from the source are lost.
        if (window == 0 || !Fill(window))
            return false;
        _position = position + 1;
        _window = _read is null ? window : Math.Min(4 * window, LargestWindow);
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _source.Dispose();
        base.Dispose(disposing);
    }

    private int CurrentRow() => _position >= 0
        ? _row
        : throw new InvalidOperationException("The cursor stands on no row. Read values only after a MoveNext that returned true.");

    private bool Fill(int window)
    {
        _row = 0;
        _batches.Clear();
        _pending.Clear();
        while (_batches.Count < window && _source.MoveNext())
        {
            foreach (var column in _columns.Values)
                column.Keep(_batches.Count);
            _ids.Keep(_batches.Count);
            _batches.Add(_source.Batch);
            if (_read is not null)
                _pending.Add(_read()!);
        }
        if (_pending.Count > 0)
            _predictions = _model.Predict(_pending);
        return _batches.Count > 0;
    }
}
