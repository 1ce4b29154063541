using System.Collections;
using System.Globalization;
using Parquet;
using Parquet.Schema;
using Parquet.Serialization;

namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>A Parquet file. Columns of texts, numbers and truth values, and lists of them, are read, a row group at a time; others are left out.</summary>
internal sealed class ParquetRows : IRowReader
{
    private readonly string _file;
    private readonly Stream _stream;
    private readonly ReadingOptions _options;
    private readonly List<long> _groups = []; // The rows of each.

    public ParquetRows(Stream stream, string file, ReadingOptions options)
    {
        (_file, _stream, _options) = (file, Seekable(stream), options);
        try
        {
            var reader = ParquetReader.CreateAsync(_stream, leaveStreamOpen: true).GetAwaiter().GetResult();
            for (var group = 0; group < reader.RowGroupCount; group++)
            {
                using var rows = reader.OpenRowGroupReader(group);
                _groups.Add(rows.RowCount);
            }

            var columns = new List<DataColumn>();
            foreach (var field in reader.Schema.Fields)
            {
                if (field is DataField or ListField { Item: DataField })
                    columns.Add(new DataColumn(field.Name, field is ListField || field is DataField { IsArray: true }) { Field = field });
                else
                    options.Note($"{file}: column '{field.Name}' has parts of its own and is left out.");
            }

            Columns = columns;
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is IOException or InvalidDataException or InvalidOperationException or NotSupportedException or ArgumentException)
        {
            throw new DataException($"{file} cannot be read as Parquet: {e.Message}");
        }
    }

    public IReadOnlyList<DataColumn> Columns { get; }

    /// <summary>How many rows each row group has.</summary>
    public IReadOnlyList<long> Groups => _groups;

    public IEnumerable<DataRow> Rows()
    {
        var (start, end) = _options.Rows ?? (0, long.MaxValue);
        long row = 0;
        for (var group = 0; group < _groups.Count && row < end; group++)
        {
            if (row + _groups[group] <= start)
            {
                row += _groups[group];
                continue;
            }

            foreach (var values in ReadGroup(group))
                if (row++ >= start && row <= end)
                    yield return RowOf(row, values);
        }
    }

    public void Dispose() => _stream.Dispose();

    // The format has its table of contents at the end.
    private static Stream Seekable(Stream stream)
    {
        if (stream.CanSeek)
            return stream;

        using (stream)
        {
            var copy = new MemoryStream();
            stream.CopyTo(copy);
            copy.Position = 0;
            return copy;
        }
    }

    private DataRow RowOf(long line, IDictionary<string, object> values)
    {
        var cells = new object?[Columns.Count];
        for (var i = 0; i < cells.Length; i++)
            cells[i] = values.TryGetValue(Columns[i].Name, out var value) ? Cell(value) : null;
        return new DataRow(line, cells) { Values = _options.KeepsSource ? values : null };
    }

    private IEnumerable<IDictionary<string, object>> ReadGroup(int group)
    {
        try
        {
            return ParquetSerializer.DeserializeUntypedAsync(_stream, rowGroupIndex: group).GetAwaiter().GetResult().Data;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or InvalidOperationException or NotSupportedException or ArgumentException)
        {
            throw new DataException($"{_file}, row group {group} of {_groups.Count}, cannot be read: {e.Message}");
        }
    }

    private static object? Cell(object? value) => value switch
    {
        null => null,
        string text => text,
        ReadOnlyMemory<char> text => text.ToString(),
        byte[] bytes => System.Text.Encoding.UTF8.GetString(bytes),
        IEnumerable list => list.Cast<object?>().Select(item => Cell(item) as string ?? "").ToArray(),
        bool truth => truth ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };
}
