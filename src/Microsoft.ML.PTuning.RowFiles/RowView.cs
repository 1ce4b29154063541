using System.Globalization;
using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>What a column of a <see cref="RowView"/> has per row.</summary>
internal enum CellType
{
    Text,
    Number,
    Index,
    Truth,
    Texts,
}

/// <summary>A column of a <see cref="RowView"/>.</summary>
/// <param name="Place">Its place in the rows; -1 for one that they lack, which is missing in each row.</param>
internal sealed record ViewColumn(string Name, int Place, CellType Type)
{
    /// <returns>The type of a column of another view, such as the rows that a model was trained on; null if files cannot give it.</returns>
    public static CellType? TypeOf(DataViewType type) => type switch
    {
        TextDataViewType => CellType.Text,
        BooleanDataViewType => CellType.Truth,
        NumberDataViewType when type.RawType == typeof(float) => CellType.Number,
        NumberDataViewType when type.RawType == typeof(int) => CellType.Index,
        VectorDataViewType { ItemType: TextDataViewType } => CellType.Texts,
        _ => null,
    };
}

/// <summary>Rows of a file as ML.NET reads them: lazily, row after row, as often as the source can be read.</summary>
internal sealed class RowView : IDataView
{
    private readonly IReadOnlyList<ViewColumn> _columns;
    private readonly Func<IEnumerable<DataRow>> _rows;
    private readonly string _file;
    private readonly CancellationToken _cancellation;

    /// <param name="rows">Reads the rows; each cursor calls it.</param>
    /// <param name="file">The file's name, for messages.</param>
    /// <param name="cancellation">Stops every cursor.</param>
    public RowView(IReadOnlyList<ViewColumn> columns, Func<IEnumerable<DataRow>> rows, string file, CancellationToken cancellation = default)
    {
        (_columns, _rows, _file, _cancellation) = (columns, rows, file, cancellation);
        var schema = new DataViewSchema.Builder();
        foreach (var column in columns)
            schema.AddColumn(column.Name, TypeOf(column.Type));
        Schema = schema.ToSchema();
    }

    public DataViewSchema Schema { get; }

    public bool CanShuffle => false;

    public long? GetRowCount() => null;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
        new Cursor(this, [.. columnsNeeded.Select(column => column.Index)]);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];

    private static DataViewType TypeOf(CellType type) => type switch
    {
        CellType.Text => TextDataViewType.Instance,
        CellType.Number => NumberDataViewType.Single,
        CellType.Index => NumberDataViewType.Int32,
        CellType.Truth => BooleanDataViewType.Instance,
        _ => new VectorDataViewType(TextDataViewType.Instance),
    };

    private sealed class Cursor(RowView view, HashSet<int> active) : DataViewRowCursor
    {
        private readonly IEnumerator<DataRow> _rows = view._rows().GetEnumerator();
        private long _position = -1;

        public override long Position => _position;

        public override long Batch => 0;

        public override DataViewSchema Schema => view.Schema;

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

        public override bool MoveNext()
        {
            view._cancellation.ThrowIfCancellationRequested();
            if (!_rows.MoveNext())
            {
                _position = -1;
                return false;
            }

            _position++;
            return true;
        }

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = new DataViewRowId((ulong)_position, 0);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            if (!active.Contains(column.Index))
                throw new InvalidOperationException($"The column '{column.Name}' was not asked for.");

            var (place, type) = (view._columns[column.Index].Place, view._columns[column.Index].Type);
            Delegate getter = type switch
            {
                CellType.Text => (ValueGetter<ReadOnlyMemory<char>>)((ref ReadOnlyMemory<char> value) => value = Text(place).AsMemory()),
                CellType.Number => (ValueGetter<float>)((ref float value) => value = Number(place)),
                CellType.Index => (ValueGetter<int>)((ref int value) => value = Index(place)),
                CellType.Truth => (ValueGetter<bool>)((ref bool value) => value = TruthValue.Of(Text(place)) ?? false),
                _ => (ValueGetter<VBuffer<ReadOnlyMemory<char>>>)((ref VBuffer<ReadOnlyMemory<char>> value) =>
                {
                    var list = place < 0 ? [] : _rows.Current.List(place);
                    var editor = VBufferEditor.Create(ref value, list.Length);
                    for (var i = 0; i < list.Length; i++)
                        editor.Values[i] = list[i].AsMemory();
                    value = editor.Commit();
                }),
            };
            return getter as ValueGetter<TValue>
                ?? throw new InvalidOperationException($"The column '{column.Name}' has {column.Type}, not {typeof(TValue)}.");
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _rows.Dispose();
            base.Dispose(disposing);
        }

        private string Text(int place) => place < 0 ? "" : _rows.Current.Text(place);

        private float Number(int place)
        {
            var text = Text(place);
            return text.Length == 0 ? float.NaN
                : float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number
                : throw new DataException($"{view._file}, line {_rows.Current.Line}: expected a number, found '{text}'.");
        }

        private int Index(int place)
        {
            var text = Text(place);
            return text.Length == 0 ? -1
                : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
                : throw new DataException($"{view._file}, line {_rows.Current.Line}: expected a whole number, found '{text}'.");
        }
    }
}
