namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>A file of rows, or standard input. Every reading of a file opens it anew.</summary>
internal sealed class DataFile
{
    /// <summary>The path that stands for standard input.</summary>
    public const string StandardInput = "-";

    private readonly DataFormat _format;
    private readonly ReadingOptions _options;
    private readonly Func<Stream> _standardInput;

    /// <param name="path">A file, or <see cref="StandardInput"/>.</param>
    /// <param name="standardInput">Opens standard input.</param>
    /// <exception cref="DataException">There is no such file, or its format is unknown.</exception>
    public DataFile(string path, ReadingOptions options, Func<Stream>? standardInput = null)
    {
        (Path, _options) = (path, options);
        _standardInput = standardInput ?? Console.OpenStandardInput;
        if (path == StandardInput)
        {
            _format = DataFormats.Of(options.Format ?? "csv", path);
            return;
        }

        if (Directory.Exists(path))
            throw new DataException($"'{path}' is a folder. Expected a file of rows: {DataFormats.Names}.");
        if (!File.Exists(path))
            throw new DataException($"There is no file '{path}' (looked from {Environment.CurrentDirectory}).");
        _format = DataFormats.Of(options.Format, path);
    }

    public string Path { get; }

    /// <summary>The name for messages.</summary>
    public string Name => Path == StandardInput ? "standard input" : System.IO.Path.GetFileName(Path);

    public string Format => _format.Name;

    /// <exception cref="DataException">The file is not of its format.</exception>
    public IRowReader Open()
    {
        var reader = _format.Open(Path == StandardInput ? _standardInput() : OpenStream(Path), Name, _options);
        return _options.Choices.Count == 0 ? reader : new JoinedColumns(reader, _options.Choices, Name);
    }

    /// <summary>All rows, in memory.</summary>
    public DataTable ReadAll()
    {
        using var reader = Open();
        return new DataTable(Name, reader.Columns, [.. reader.Rows()]);
    }

    /// <exception cref="DataException">The file cannot be read.</exception>
    public static FileStream OpenStream(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1 << 16, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"'{path}' cannot be read: {e.Message}");
        }
    }
}

/// <summary>Rows in memory.</summary>
/// <param name="Name">The file's name, for messages.</param>
internal sealed record DataTable(string Name, IReadOnlyList<DataColumn> Columns, IReadOnlyList<DataRow> Rows)
{
    /// <exception cref="DataException">There is no such column; the message lists those that there are.</exception>
    public int IndexOf(string column) => IndexOf(Columns, column, Name);

    public DataTable With(IEnumerable<DataRow> rows) => this with { Rows = [.. rows] };

    public static int IndexOf(IReadOnlyList<DataColumn> columns, string column, string file)
    {
        for (var i = 0; i < columns.Count; i++)
            if (columns[i].Name == column)
                return i;
        for (var i = 0; i < columns.Count; i++)
            if (columns[i].Name.Equals(column, StringComparison.OrdinalIgnoreCase))
                return i;
        throw new DataException($"{file} has no column '{column}'. Its columns are {Names(columns)}.");
    }

    /// <summary>The columns' names, for a message of a few lines.</summary>
    public static string Names(IReadOnlyList<DataColumn> columns)
    {
        const int Most = 20, Longest = 40;
        var names = columns.Take(Most).Select(column => column.Name.Length <= Longest ? $"'{column.Name}'" : $"'{column.Name[..Longest]}…'");
        return string.Join(", ", names) + (columns.Count > Most ? $" and {columns.Count - Most} more" : "");
    }
}
