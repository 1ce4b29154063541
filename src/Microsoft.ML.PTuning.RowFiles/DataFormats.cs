namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>Reads the rows of one file, once, from its beginning to its end.</summary>
internal interface IRowReader : IDisposable
{
    IReadOnlyList<DataColumn> Columns { get; }

    /// <summary>The rows in their order. Broken ones are reported and left out.</summary>
    IEnumerable<DataRow> Rows();
}

/// <summary>A format of data files.</summary>
/// <param name="Name">What <c>--format</c> calls it.</param>
/// <param name="Extensions">The ends of its files' names, with the dot.</param>
/// <param name="Open">Opens a stream of a file with this name; the reader disposes of the stream.</param>
internal sealed record DataFormat(string Name, IReadOnlyList<string> Extensions, Func<Stream, string, ReadingOptions, IRowReader> Open);

/// <summary>The formats that are read. A new one is a file and a line here.</summary>
internal static class DataFormats
{
    public static IReadOnlyList<DataFormat> All { get; } =
    [
        new("csv", [".csv", ".txt"], (stream, file, options) => new SeparatedReader(stream, file, options, separator: null)),
        new("tsv", [".tsv", ".tab"], (stream, file, options) => new SeparatedReader(stream, file, options, separator: "\t")),
        new("jsonl", [".jsonl", ".ndjson"], (stream, file, options) => new JsonLinesReader(stream, file, options)),
        new("parquet", [".parquet"], (stream, file, options) => new ParquetRows(stream, file, options)),
        new("conll", [".conll", ".conll2003", ".bio", ".iob"], (stream, file, options) => new ColumnsReader(stream, file, options)),
        new("squad", [".json"], (stream, file, options) => new SquadReader(stream, file, options)),
    ];

    /// <summary>The names of all formats, for messages.</summary>
    public static string Names => string.Join(", ", All.Select(format => format.Name));

    /// <param name="name">A format's name; null to go by the file's.</param>
    /// <exception cref="DataException">There is no such format.</exception>
    public static DataFormat Of(string? name, string file)
    {
        if (name is not null)
            return All.FirstOrDefault(format => format.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
                ?? throw new DataException($"There is no format '{name}'. Expected one of {Names}.");

        var extension = Path.GetExtension(file).ToLowerInvariant();
        return All.FirstOrDefault(format => format.Extensions.Contains(extension))
            ?? throw new DataException(
                $"'{file}' ends in '{extension}', which no format does. Name its format with --format: one of {Names}.");
    }
}
