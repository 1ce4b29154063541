using System.Buffers;
using System.IO.Pipelines;

namespace Microsoft.ML.PTuning.AspNetCore.Endpoints;

/// <summary>A line of a stream.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Text">In UTF-8, without the line's end; null if it is too long.</param>
internal readonly record struct Line(long Number, byte[]? Text);

/// <summary>Reads lines with bounded memory: of a line that is too long, nothing is kept.</summary>
/// <param name="longest">Bytes of a line at most.</param>
internal sealed class LineReader(PipeReader input, long longest)
{
    /// <summary>The lines that are not blank.</summary>
    public async IAsyncEnumerable<Line> ReadAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long number = 1;
        var isTooLong = false;
        while (true)
        {
            var result = await input.ReadAsync(cancellationToken).ConfigureAwait(false);
            var buffer = result.Buffer;
            while (buffer.PositionOf((byte)'\n') is { } end)
            {
                if (Take(buffer.Slice(0, end), number, isTooLong) is { } line)
                    yield return line;
                (number, isTooLong) = (number + 1, false);
                buffer = buffer.Slice(buffer.GetPosition(1, end));
            }

            if (result.IsCompleted)
            {
                if (Take(buffer, number, isTooLong) is { } last)
                    yield return last;
                input.AdvanceTo(buffer.End);
                yield break;
            }

            isTooLong |= buffer.Length > longest;
            input.AdvanceTo(isTooLong ? buffer.End : buffer.Start, buffer.End);
        }
    }

    private Line? Take(ReadOnlySequence<byte> text, long number, bool isTooLong)
    {
        if (isTooLong || text.Length > longest)
            return new Line(number, null);

        var bytes = text.ToArray();
        return bytes.AsSpan().Trim(" \t\r"u8).IsEmpty ? null : new Line(number, bytes);
    }
}
