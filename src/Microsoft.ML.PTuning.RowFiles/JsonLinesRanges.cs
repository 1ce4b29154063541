namespace Microsoft.ML.PTuning.RowFiles;

/// <summary>Where lines of JSON begin. Empty lines are no rows.</summary>
internal sealed class JsonLinesRanges
{
    private readonly List<RowRange> _ranges = [];
    private readonly int _rows;
    private RowRange _open;
    private long _line = 1;
    private bool _hasText;
    private bool _isBehindReturn;

    private JsonLinesRanges(int mark, int rows) => (_rows, _open) = (rows, new RowRange(mark, mark, 1, 0));

    /// <param name="stream">UTF-8, behind its mark.</param>
    /// <param name="mark">Bytes of the mark.</param>
    public static IReadOnlyList<RowRange> Of(Stream stream, int mark, int rows, CancellationToken cancellation)
    {
        var lines = new JsonLinesRanges(mark, rows);
        var buffer = new byte[1 << 16];
        long position = mark;
        for (int count; (count = stream.Read(buffer)) > 0; position += count)
        {
            cancellation.ThrowIfCancellationRequested();
            for (var i = 0; i < count; i++)
                lines.Read(buffer[i], position + i);
        }

        return lines.Finish(position);
    }

    private void Read(byte next, long position)
    {
        var endsReturn = next == '\n' && _isBehindReturn;
        if (_open.Rows == _rows && !endsReturn)
        {
            _ranges.Add(_open with { End = position });
            _open = new RowRange(position, position, _line, 0);
        }

        _isBehindReturn = next == '\r';
        if (endsReturn)
            return;
        if (next is (byte)'\n' or (byte)'\r')
            EndLine();
        else
            _hasText |= next is not ((byte)' ' or (byte)'\t');
    }

    private void EndLine()
    {
        _line++;
        if (_hasText)
            _open = _open with { Rows = _open.Rows + 1 };
        _hasText = false;
    }

    private IReadOnlyList<RowRange> Finish(long end)
    {
        EndLine();
        if (_open.Rows > 0)
            _ranges.Add(_open with { End = end });
        return _ranges;
    }
}
