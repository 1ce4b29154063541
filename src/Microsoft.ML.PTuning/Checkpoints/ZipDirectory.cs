using System.Buffers.Binary;
using System.Text;

namespace Microsoft.ML.PTuning.Checkpoints;

/// <summary>The place of a zip entry's bytes in the file.</summary>
/// <param name="Offset">Where they begin, behind the entry's own header.</param>
/// <param name="StoredLength">How many there are in the file.</param>
/// <param name="Length">How many there are once inflated; the same where the entry is stored as it is.</param>
internal sealed record ZipEntry(string Name, bool Deflated, long Offset, long StoredLength, long Length);

/// <summary>Reads and checks the entries of a zip. Unlike .NET's reader it gives the places of their bytes, so that they can be mapped.</summary>
/// <remarks>
/// The format (PKWARE APPNOTE 4.3): entries, each behind a local header; the directory; its end record, which says where the directory is;
/// before the end record, where 32 bits are too few, the same in 64.
/// </remarks>
internal static class ZipDirectory
{
    private const uint LocalSignature = 0x04034b50, EntrySignature = 0x02014b50, EndSignature = 0x06054b50;
    private const uint End64Signature = 0x06064b50, Locator64Signature = 0x07064b50;
    private const int LocalBytes = 30, EntryBytes = 46, EndBytes = 22, End64Bytes = 56, Locator64Bytes = 20;
    private const ushort Stored = 0, Deflated = 8, Encrypted = 1, Extra64 = 1;

    /// <summary>Deflate makes at most 1032 bytes of one.</summary>
    private const long MostInflation = 1032;

    /// <summary>Far more than a checkpoint's directory has.</summary>
    private const long LongestDirectory = 64 << 20;

    /// <summary>Reads and checks the directory.</summary>
    /// <param name="stream">The whole file, seekable.</param>
    /// <returns>The entries by name.</returns>
    /// <exception cref="InvalidDataException">The zip is damaged or cut short; the message is the reason only.</exception>
    public static Dictionary<string, ZipEntry> Read(Stream stream)
    {
        var (start, length) = Locate(stream);
        var directory = Bytes(stream, start, length);
        var entries = new Dictionary<string, ZipEntry>(StringComparer.Ordinal);
        for (var at = 0; at < directory.Length;)
        {
            var header = Slice(directory, at, EntryBytes);
            if (UInt32(header, 0) != EntrySignature)
                throw Refuse($"its directory is damaged at byte {start + at}");

            var (nameLength, extraLength, commentLength) = (UInt16(header, 28), UInt16(header, 30), UInt16(header, 32));
            var name = Encoding.UTF8.GetString(Slice(directory, at + EntryBytes, nameLength));
            var extra = Slice(directory, at + EntryBytes + nameLength, extraLength);
            if (!entries.TryAdd(name, Entry(stream, name, header, extra, start)))
                throw Refuse($"it holds the entry '{name}' twice");
            at += EntryBytes + nameLength + extraLength + commentLength;
        }

        return entries;
    }

    /// <returns>Where the directory is.</returns>
    private static (long Start, long Length) Locate(Stream stream)
    {
        // The end record is last but for a comment of at most 65535 bytes.
        var tailLength = Math.Min(stream.Length, EndBytes + ushort.MaxValue);
        var tail = Bytes(stream, stream.Length - tailLength, tailLength);
        var at = tail.Length - EndBytes;
        while (at >= 0 && !(UInt32(tail, at) == EndSignature && at + EndBytes + UInt16(tail, at + 20) == tail.Length))
            at--;
        if (at < 0)
            throw Refuse("it is no zip file, or its end is cut off");

        var end = stream.Length - tailLength + at;
        var (start, length) = ((ulong)UInt32(tail, at + 16), (ulong)UInt32(tail, at + 12));
        if (start == uint.MaxValue || length == uint.MaxValue || UInt16(tail, at + 10) == ushort.MaxValue)
            (start, length) = Locate64(stream, end) ?? (start, length);
        if (length > LongestDirectory)
            throw Refuse($"its directory of {length} bytes is longer than any checkpoint's");
        if (start > (ulong)end || length > (ulong)end - start)
            throw Refuse($"its directory of {length} bytes at byte {start} is not in the file; the file is cut short or damaged");
        return ((long)start, (long)length);
    }

    /// <returns>Null where there is no record of 64 bits.</returns>
    private static (ulong Start, ulong Length)? Locate64(Stream stream, long end)
    {
        if (end < Locator64Bytes)
            return null;

        var locator = Bytes(stream, end - Locator64Bytes, Locator64Bytes);
        if (UInt32(locator, 0) != Locator64Signature)
            return null;

        var at = UInt64(locator, 8);
        if (at > (ulong)(end - Locator64Bytes) || (ulong)(end - Locator64Bytes) - at < End64Bytes)
            throw Refuse("its end record of 64 bits is not in the file");
        var record = Bytes(stream, (long)at, End64Bytes);
        return UInt32(record, 0) == End64Signature
            ? (UInt64(record, 48), UInt64(record, 40))
            : throw Refuse("its end record of 64 bits is damaged");
    }

    private static ZipEntry Entry(Stream stream, string name, ReadOnlySpan<byte> header, ReadOnlySpan<byte> extra, long directoryStart)
    {
        var method = UInt16(header, 10);
        if ((UInt16(header, 8) & Encrypted) != 0 || method is not (Stored or Deflated))
            throw Refuse($"its entry '{name}' is encrypted or packed with method {method}; only stored and deflated entries are read");

        var large = Large(extra);
        var length = Number(UInt32(header, 24), ref large, name);
        var storedLength = Number(UInt32(header, 20), ref large, name);
        var local = Number(UInt32(header, 42), ref large, name);

        if (local > directoryStart - LocalBytes)
            throw Refuse($"its entry '{name}' begins at byte {local}, where there is none; the file is cut short or damaged");
        var localHeader = Bytes(stream, local, LocalBytes);
        if (UInt32(localHeader, 0) != LocalSignature)
            throw Refuse($"its entry '{name}' has no header at byte {local}");

        var offset = local + LocalBytes + UInt16(localHeader, 26) + UInt16(localHeader, 28);
        if (storedLength > directoryStart - offset)
            throw Refuse($"its entry '{name}' has {storedLength} bytes, more than there are; the file is cut short or damaged");
        if (method == Stored ? length != storedLength : length / MostInflation > storedLength)
            throw Refuse($"its entry '{name}' cannot have {length} bytes, packed in {storedLength}");
        return new(name, method == Deflated, offset, storedLength, length);
    }

    /// <returns>The extra field that holds the numbers too large for 32 bits; empty where there is none.</returns>
    private static ReadOnlySpan<byte> Large(ReadOnlySpan<byte> extra)
    {
        while (extra.Length >= 4)
        {
            var field = Slice(extra, 4, UInt16(extra, 2));
            if (UInt16(extra, 0) == Extra64)
                return field;
            extra = extra[(4 + field.Length)..];
        }

        return [];
    }

    private static long Number(uint number, ref ReadOnlySpan<byte> large, string name)
    {
        if (number != uint.MaxValue)
            return number;

        var wide = UInt64(Slice(large, 0, sizeof(ulong)), 0);
        large = large[sizeof(ulong)..];
        return wide <= long.MaxValue ? (long)wide : throw Refuse($"its entry '{name}' has a size or place of {wide}, beyond any file");
    }

    private static byte[] Bytes(Stream stream, long start, long length)
    {
        var bytes = new byte[length];
        stream.Position = start;
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> bytes, int start, int length) =>
        length <= bytes.Length - start ? bytes.Slice(start, length) : throw Refuse("its directory ends in the middle of an entry");

    private static ushort UInt16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint UInt32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static ulong UInt64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);

    private static InvalidDataException Refuse(string reason) => new(reason);
}
