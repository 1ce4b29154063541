using System.Text.Json;

namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>An object of JSON per line. Its properties are the columns: those of the first thousand lines, in the order in which they appear.</summary>
internal sealed class JsonLinesReader : IRowReader
{
    private const int Looked = 1000;

    private readonly string _file;
    private readonly ReadingOptions _options;
    private readonly StreamReader _text;
    private readonly Queue<(long Line, string Text)> _ahead = [];
    private readonly Dictionary<string, int> _index = [];
    private long _line;

    public JsonLinesReader(Stream stream, string file, ReadingOptions options)
    {
        (_file, _options) = (file, options);
        _text = TextStream.Open(stream, options.Encoding, out _);
        _line = options.LinesBefore;
        if (options.Columns is { } known)
        {
            Columns = known;
            for (var i = 0; i < known.Count; i++)
                _index[known[i].Name] = i;
            return;
        }

        var names = new List<string>();
        var lists = new HashSet<string>();
        while (_ahead.Count < Looked && ReadLine() is { } line)
        {
            _ahead.Enqueue(line);
            if (Parse(line.Text) is not { RootElement.ValueKind: JsonValueKind.Object } document)
                continue;

            using (document)
            {
                foreach (var property in document.RootElement.EnumerateObject())
                {
                    if (_index.TryAdd(property.Name, names.Count))
                        names.Add(property.Name);
                    if (property.Value.ValueKind == JsonValueKind.Array)
                        lists.Add(property.Name);
                }
            }
        }

        if (names.Count == 0)
            throw new DataException($"{file} has no row. Expected an object per line, such as {{\"text\": \"…\", \"label\": \"…\"}}.");
        Columns = [.. names.Select(name => new DataColumn(name, lists.Contains(name)))];
    }

    public IReadOnlyList<DataColumn> Columns { get; }

    public IEnumerable<DataRow> Rows()
    {
        while (_ahead.TryDequeue(out var line) || Read(out line))
            if (RowOf(line.Line, line.Text) is { } row)
                yield return row;
    }

    public void Dispose() => _text.Dispose();

    private static JsonDocument? Parse(string line)
    {
        try
        {
            return JsonDocument.Parse(line);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private bool Read(out (long Line, string Text) line)
    {
        var read = ReadLine();
        line = read ?? default;
        return read is not null;
    }

    private (long Line, string Text)? ReadLine()
    {
        while (_text.ReadLine() is { } text)
        {
            _line++;
            if (!string.IsNullOrWhiteSpace(text))
                return (_line, text);
        }

        return null;
    }

    private DataRow? RowOf(long line, string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                return Broken(line, $"expected an object, found {Describe(document.RootElement)}.");

            var cells = new object?[Columns.Count];
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (!_index.TryGetValue(property.Name, out var column))
                    continue;
                if (!TryCell(property.Value, Columns[column].IsList, out cells[column]))
                    cells[column] = property.Value.GetRawText(); // An object is the text that it is written as.
            }

            return new DataRow(line, cells) { Json = _options.KeepsSource ? text : null };
        }
        catch (JsonException e)
        {
            return Broken(line, $"it is no JSON: unexpected text behind byte {e.BytePositionInLine}.");
        }
    }

    private DataRow? Broken(long line, string reason)
    {
        _options.Broken.Add(_file, line, reason);
        return null;
    }

    private static bool TryCell(JsonElement value, bool isList, out object? cell)
    {
        cell = null;
        if (value.ValueKind == JsonValueKind.Null)
            return true;
        if (value.ValueKind != JsonValueKind.Array)
        {
            if (!TryText(value, out var text))
                return false;
            cell = isList ? new[] { text } : text;
            return true;
        }

        var list = new string[value.GetArrayLength()];
        for (var i = 0; i < list.Length; i++)
            if (!TryText(value[i], out list[i]))
                return false;
        cell = list;
        return true;
    }

    private static bool TryText(JsonElement value, out string text)
    {
        text = value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.Number => value.GetRawText(),
            JsonValueKind.True => "true",
            JsonValueKind.False => "false",
            _ => "",
        };
        return value.ValueKind is JsonValueKind.String or JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False;
    }

    private static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.Null => "null",
        _ => $"'{value.GetRawText()}'",
    };
}
