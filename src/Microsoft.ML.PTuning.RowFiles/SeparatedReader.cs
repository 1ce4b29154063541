using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;

namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>
/// Values between separators, with a header or without. With commas and the like, fields may stand in quotes (RFC 4180) and then contain line ends; with tabs,
/// quotes are ordinary characters, as in the files of most data sets.
/// </summary>
internal sealed class SeparatedReader : IRowReader
{
    private static readonly string[] s_separators = [",", ";", "\t", "|"];

    private readonly string _file;
    private readonly ReadingOptions _options;
    private readonly StreamReader _text;
    private readonly CsvParser _parser;
    private readonly string[]? _first; // The first row, where there is no header.
    private bool _isBad;
    private bool _isForeign; // Whether a row had characters that the encoding does not have.

    public SeparatedReader(Stream stream, string file, ReadingOptions options, string? separator)
    {
        (_file, _options) = (file, options);
        _text = TextStream.Open(stream, options.Encoding, out var beginning);
        Separator = separator = options.Separator ?? separator ?? Guess(beginning);
        _parser = new CsvParser(_text, Configuration(separator, () => _isBad = true));
        if (!_parser.Read())
            throw new DataException($"{file} is empty. Expected {(options.HasHeader ? "a line with the names of the columns, and" : "")} rows.");

        var header = _parser.Record!;
        _isBad = false;
        Columns = options.HasHeader
            ? [.. ColumnNames.Of(header, file, options.Note).Select(name => new DataColumn(name, IsList: false))]
            : [.. header.Select((_, i) => new DataColumn($"Column{i + 1}", IsList: false))];
        _first = options.HasHeader ? null : header;
    }

    public IReadOnlyList<DataColumn> Columns { get; }

    /// <summary>What stands between the fields.</summary>
    public string Separator { get; }

    // The line on which the row that was read last ends.
    private long LastLine => _parser.RawRow + _options.LinesBefore;

    public IEnumerable<DataRow> Rows()
    {
        if (_first is not null && RowOf(_first, 1) is { } first)
            yield return first;

        var before = (long)_parser.RawRow;
        while (_parser.Read())
        {
            var line = before + 1 + _options.LinesBefore;
            before = _parser.RawRow;
            if (RowOf(_parser.Record!, line) is { } row)
                yield return row;
        }
    }

    /// <summary>How fields are told apart.</summary>
    /// <param name="onBad">Is told of a row with a quote inside a field.</param>
    public static CsvConfiguration Configuration(string separator, Action onBad) => new(CultureInfo.InvariantCulture)
    {
        Delimiter = separator,
        Mode = separator == "\t" ? CsvMode.NoEscape : CsvMode.RFC4180,
        BadDataFound = _ => onBad(),
        DetectColumnCountChanges = false,
        IgnoreBlankLines = false, // They count as lines.
        BufferSize = 1 << 16,
    };

    public void Dispose()
    {
        _parser.Dispose();
        _text.Dispose();
    }

    private DataRow? RowOf(string[] fields, long line)
    {
        var isBad = _isBad;
        _isBad = false;
        if (fields is [""] && Columns.Count > 1)
            return null;
        if (fields.Length != Columns.Count)
        {
            var lines = LastLine - line + 1;
            var spread = lines > 1 ? $" in {lines} lines (is a quote not closed?)" : "";
            _options.Broken.Add(_file, line, $"expected {Columns.Count} fields, found {fields.Length}{spread}.");
            return null;
        }

        if (isBad && LastLine > line)
        {
            _options.Broken.Add(_file, line, $"a quote inside a field joins {LastLine - line + 1} lines to one row.");
            return null;
        }

        if (!_isForeign && fields.Any(field => field.Contains('\uFFFD')))
        {
            _isForeign = true;
            _options.Note($"{_file}, line {line}: some characters are not {_text.CurrentEncoding.WebName}; name the file's encoding with --encoding.");
        }

        return new DataRow(line, fields);
    }

    // The separator that the first line has most often outside of quotes.
    private static string Guess(string beginning)
    {
        var counts = s_separators.ToDictionary(separator => separator[0], _ => 0);
        var isQuoted = false;
        foreach (var c in beginning)
        {
            if (c is '\r' or '\n' && !isQuoted)
                break;
            if (c == '"')
                isQuoted = !isQuoted;
            else if (!isQuoted && counts.TryGetValue(c, out var count))
                counts[c] = count + 1;
        }

        return counts.MaxBy(count => count.Value).Key.ToString();
    }
}
