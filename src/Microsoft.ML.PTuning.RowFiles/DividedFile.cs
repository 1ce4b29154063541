using System.Text;

namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>A file of rows and the ranges that it is divided into.</summary>
/// <param name="Format">The name of its <see cref="DataFormat"/>.</param>
/// <param name="Ranges">All of its rows, in order.</param>
internal sealed record DividedFile(string Path, string Format, IReadOnlyList<DataColumn> Columns, FileHead Head, IReadOnlyList<RowRange> Ranges)
{
    private const string Parquet = "parquet";

    /// <summary>The formats whose files can be divided.</summary>
    public static IReadOnlyList<string> Formats { get; } = ["csv", "tsv", "jsonl", Parquet];

    /// <summary>The file's name, for messages.</summary>
    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>Divides a file. Text is read once, from its beginning to its end; of Parquet, the table of contents is.</summary>
    /// <param name="rows">How many rows a range has at most.</param>
    /// <exception cref="DataException">There is no such file, it has another format, or its text is not UTF-8.</exception>
    public static DividedFile Of(string path, int rows, ReadingOptions options)
    {
        var file = new DataFile(path, options);
        if (!Formats.Contains(file.Format))
            throw new DataException($"'{path}' has the format {file.Format}, whose rows cannot be divided. Expected one of {string.Join(", ", Formats)}.");

        using var reader = file.Open();
        if (reader is ParquetRows parquet)
            return new(path, file.Format, reader.Columns, new FileHead(0, 0, 0), ParquetRanges.Of(parquet.Groups, rows));

        using var stream = DataFile.OpenStream(path);
        var mark = RequireUtf8(stream, path);
        if (reader is not SeparatedReader separated)
            return new(path, file.Format, reader.Columns, new FileHead(mark, 0, 0), JsonLinesRanges.Of(stream, mark, rows, options.Cancellation));

        var (head, ranges) = SeparatedRanges.Of(stream, mark, separated.Separator, rows, options.Cancellation);
        return new(path, file.Format, reader.Columns, head, ranges);
    }

    /// <summary>Opens the rows of a range. Broken ones are reported with the lines that they have in the file.</summary>
    /// <exception cref="DataException">The file cannot be read.</exception>
    public IRowReader Open(RowRange range, ReadingOptions options)
    {
        var format = DataFormats.Of(Format, Path);
        var stream = DataFile.OpenStream(Path);
        if (Format == Parquet)
            return format.Open(stream, Name, options with { Rows = (range.Start, range.End) });

        var head = new byte[Head.Length];
        stream.Position = Head.Start;
        stream.ReadExactly(head);
        stream.Position = range.Start;
        return format.Open(
            new JoinedStream(head, stream, range.End - range.Start),
            Name,
            options with { Columns = Columns, LinesBefore = range.Line - 1 - Head.Lines, Encoding = Encoding.UTF8 });
    }

    private static int RequireUtf8(FileStream stream, string path)
    {
        var beginning = new byte[4096];
        beginning = beginning[..stream.ReadAtLeast(beginning, beginning.Length, throwOnEndOfStream: false)];
        if (!TextStream.IsUtf8(beginning, out var mark))
            throw new DataException($"'{path}' is UTF-16, whose rows cannot be divided. Convert it to UTF-8: iconv -f UTF-16 -t UTF-8.");
        stream.Position = mark;
        return mark;
    }
}
