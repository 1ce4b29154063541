using System.Text;

namespace Microsoft.ML.PTuning.Tool.Data;

/// <summary>Opens text files of any Unicode encoding.</summary>
internal static class TextStream
{
    /// <param name="encoding">Null for the one of the byte order mark, else UTF-16 where every other byte of the beginning is 0, else UTF-8.</param>
    /// <param name="beginning">The first characters, at most some thousands; they are read again.</param>
    public static StreamReader Open(Stream stream, Encoding? encoding, out string beginning)
    {
        var head = new byte[4096];
        head = head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        encoding ??= Guess(head);
        using (var reader = new StreamReader(new MemoryStream(head), encoding, detectEncodingFromByteOrderMarks: true))
            beginning = reader.ReadToEnd();
        return new StreamReader(new JoinedStream(head, stream), encoding, detectEncodingFromByteOrderMarks: true, bufferSize: 1 << 16);
    }

    // Text without a mark: Latin letters in UTF-16 have 0 in one half of each unit.
    private static Encoding Guess(ReadOnlySpan<byte> head)
    {
        int even = 0, odd = 0;
        for (var i = 0; i < head.Length; i++)
            if (head[i] == 0)
                _ = i % 2 == 0 ? even++ : odd++;
        var most = head.Length / 4;
        return head.Length < 4 || Math.Max(even, odd) <= most ? Encoding.UTF8 : odd > even ? Encoding.Unicode : Encoding.BigEndianUnicode;
    }

    /// <summary>Bytes that were read already, and then the rest of a stream.</summary>
    private sealed class JoinedStream(ReadOnlyMemory<byte> head, Stream rest) : Stream
    {
        private ReadOnlyMemory<byte> _head = head;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            if (_head.IsEmpty)
                return rest.Read(buffer);

            var count = Math.Min(buffer.Length, _head.Length);
            _head.Span[..count].CopyTo(buffer);
            _head = _head[count..];
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                rest.Dispose();
            base.Dispose(disposing);
        }
    }
}
