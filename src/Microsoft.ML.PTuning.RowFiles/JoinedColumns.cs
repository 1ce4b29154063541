namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>Rows with one more column: the list of the texts of some columns, such as the choices of a question.</summary>
internal sealed class JoinedColumns : IRowReader
{
    public const string Name = "choices";

    private readonly IRowReader _reader;
    private readonly int[] _places;

    public JoinedColumns(IRowReader reader, IReadOnlyList<string> columns, string file)
    {
        _reader = reader;
        _places = [.. columns.Select(column => DataTable.IndexOf(reader.Columns, column, file))];
        Columns = [.. reader.Columns, new DataColumn(Name, IsList: true)];
    }

    public IReadOnlyList<DataColumn> Columns { get; }

    public IEnumerable<DataRow> Rows() =>
        _reader.Rows().Select(row => row with { Cells = [.. row.Cells, ChoicesOf(row)] });

    // Rows may have fewer choices than columns: empty ones at the end are none.
    private string[] ChoicesOf(DataRow row)
    {
        string[] texts = [.. _places.Select(row.Text)];
        return texts[..(Array.FindLastIndex(texts, text => text.Length > 0) + 1)];
    }

    public void Dispose() => _reader.Dispose();
}
