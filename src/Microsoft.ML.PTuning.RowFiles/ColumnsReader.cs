namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>
/// A word per line with its tags behind it, an empty line after each sentence (CoNLL). The first column is the words, the last one the tags; those between have
/// numbers.
/// </summary>
internal sealed class ColumnsReader : IRowReader
{
    public const string Words = "words";
    public const string Tags = "tags";

    private readonly string _file;
    private readonly ReadingOptions _options;
    private readonly StreamReader _text;
    private readonly Queue<string> _ahead = [];
    private long _line;

    public ColumnsReader(Stream stream, string file, ReadingOptions options)
    {
        (_file, _options) = (file, options);
        _text = TextStream.Open(stream, options.Encoding, out _);
        while (_text.ReadLine() is { } line)
        {
            _ahead.Enqueue(line);
            if (IsWord(line))
                break;
        }

        var fields = _ahead.Count > 0 ? Fields(_ahead.Last()).Length : 0;
        if (fields < 2)
            throw new DataException($"{file} has no words with tags. Expected a word per line with its tag behind it, and an empty line after each sentence.");
        Columns = [.. Enumerable.Range(0, fields).Select(i => new DataColumn(i == 0 ? Words : i == fields - 1 ? Tags : $"column{i + 1}", IsList: true))];
    }

    public IReadOnlyList<DataColumn> Columns { get; }

    public IEnumerable<DataRow> Rows()
    {
        var words = new List<string[]>();
        long start = 1;
        string? reason = null;
        while (ReadLine() is { } line)
        {
            if (IsWord(line))
            {
                if (words.Count == 0)
                    start = _line;
                words.Add(Fields(line));
                if (words[^1].Length != Columns.Count)
                    reason ??= $"expected {Columns.Count} fields, found {words[^1].Length} on line {_line}; the sentence is left out.";
            }
            else if (Finish() is { } row)
            {
                yield return row;
            }
        }

        if (Finish() is { } last)
            yield return last;

        DataRow? Finish()
        {
            if (words.Count == 0)
                return null;

            DataRow? row = null;
            if (reason is null)
                row = new DataRow(start, [.. Enumerable.Range(0, Columns.Count).Select(i => words.Select(word => word[i]).ToArray())]);
            else
                _options.Broken.Add(_file, start, reason);
            words.Clear();
            reason = null;
            return row;
        }
    }

    public void Dispose() => _text.Dispose();

    private string? ReadLine()
    {
        var line = _ahead.TryDequeue(out var ahead) ? ahead : _text.ReadLine();
        _line++;
        return line;
    }

    private static string[] Fields(string line) => line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    private static bool IsWord(string line) => !string.IsNullOrWhiteSpace(line) && !line.StartsWith("-DOCSTART-", StringComparison.Ordinal)
        && !line.StartsWith("# ", StringComparison.Ordinal); // A comment of CoNLL-U.
}
