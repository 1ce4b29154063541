using System.Text;
using CsvHelper;

namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>Where rows of separated values begin. A quoted field may contain line ends, so only the reader can tell.</summary>
internal static class SeparatedRanges
{
    /// <param name="stream">UTF-8, behind its mark.</param>
    /// <param name="mark">Bytes of the mark.</param>
    /// <returns>The header, and the ranges of the rows behind it.</returns>
    public static (FileHead Head, IReadOnlyList<RowRange> Ranges) Of(Stream stream, int mark, string separator, int rows, CancellationToken cancellation)
    {
        // Separators, quotes and line ends are ASCII. With a character per byte, the parser's count of characters is one of bytes.
        using var text = new StreamReader(stream, Encoding.Latin1, detectEncodingFromByteOrderMarks: false, bufferSize: 1 << 16);
        using var parser = new CsvParser(text, SeparatedReader.Configuration(separator, onBad: () => { }));
        parser.Read();
        var columns = parser.Count;
        var head = new FileHead(mark, (int)parser.CharCount, parser.RawRow);
        List<RowRange> ranges = [];
        long line = parser.RawRow;
        var open = new RowRange(head.End, head.End, line + 1, 0);
        while (parser.Read())
        {
            if (open.Rows == rows)
            {
                cancellation.ThrowIfCancellationRequested();
                ranges.Add(open);
                open = new RowRange(open.End, open.End, line + 1, 0);
            }

            var isBlank = parser.Count == 1 && columns > 1 && parser[0].Length == 0;
            open = open with { End = mark + parser.CharCount, Rows = open.Rows + (isBlank ? 0 : 1) };
            line = parser.RawRow;
        }

        if (open.Rows > 0)
            ranges.Add(open);
        return (head, ranges);
    }
}
