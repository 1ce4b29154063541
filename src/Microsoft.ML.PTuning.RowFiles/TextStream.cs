using System.Text;

namespace Microsoft.ML.PTuning.RowFiles;

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

    /// <summary>Whether a text is UTF-8, by its mark or its first bytes.</summary>
    /// <param name="head">The first bytes of a file, at most some thousands.</param>
    /// <param name="mark">Bytes of its mark.</param>
    public static bool IsUtf8(ReadOnlySpan<byte> head, out int mark)
    {
        mark = head.StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;
        return !head.StartsWith(Encoding.Unicode.Preamble) && !head.StartsWith(Encoding.BigEndianUnicode.Preamble) && Guess(head) == Encoding.UTF8;
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
}
