using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Microsoft.ML.PTuning.Tests.Fuzzing.Mutations;

/// <summary>Changes of a zip: entries renamed, missing, doubled, packed otherwise, with other content; and the numbers of its headers.</summary>
internal static class ZipMutations
{
    private const int LocalSignature = 0x04034b50, EntrySignature = 0x02014b50, EndSignature = 0x06054b50;

    // Offset and length of fields: version, flags, method, CRC, sizes, lengths of names, places (PKWARE APPNOTE 4.3).
    private static readonly (int Signature, (int At, int Length)[] Fields)[] Headers =
    [
        (LocalSignature, [(4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)]),
        (EntrySignature, [(4, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (42, 4)]),
        (EndSignature, [(4, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)]),
    ];

    public static byte[] Change(byte[] file, byte[] other, Dice dice)
    {
        if (dice.OnceIn(3))
            return WithOtherField(file, dice);

        var entries = Entries(file);
        if (entries.Count == 0)
            return ByteMutations.Change(file, other, dice);

        var at = dice.Below(entries.Count);
        var (name, content, level) = entries[at];
        switch (dice.Below(8))
        {
            case 0: entries.RemoveAt(at); break;
            case 1: entries.Add(entries[at]); break;
            case 2: entries[at] = (dice.OnceIn(2) ? dice.Text() : dice.Pick(entries).Name, content, level); break;
            case 3: entries[at] = (name, content, dice.Pick(Enum.GetValues<CompressionLevel>())); break;
            default: entries[at] = (name, FileMutations.Change(name, content, OfName(Entries(other), name) ?? content, dice), level); break;
        }

        var changed = Written(entries);
        return dice.OnceIn(8) ? WithOtherField(changed, dice) : changed;
    }

    private static byte[]? OfName(List<(string Name, byte[] Content, CompressionLevel)> entries, string name) =>
        entries.FirstOrDefault(entry => Path.GetExtension(entry.Name) == Path.GetExtension(name)).Content;

    private static byte[] WithOtherField(byte[] file, Dice dice)
    {
        var places = new List<(int At, int Length)>();
        for (var i = 0; i + sizeof(int) <= file.Length; i++)
            foreach (var (signature, fields) in Headers)
                if (BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(i)) == signature)
                    places.AddRange(fields.Where(field => i + field.At + field.Length <= file.Length).Select(field => (i + field.At, field.Length)));
        if (places.Count == 0)
            return file;

        var (at, length) = dice.Pick(places);
        Span<byte> number = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(number, dice.Number());
        return ByteMutations.Overwritten(file, at, number[..length]);
    }

    private static List<(string Name, byte[] Content, CompressionLevel Level)> Entries(byte[] file)
    {
        try
        {
            using var zip = new ZipArchive(new MemoryStream(file));
            return [.. zip.Entries.Select(Entry)];
        }
        catch (InvalidDataException)
        {
            return [];
        }

        static (string, byte[], CompressionLevel) Entry(ZipArchiveEntry entry)
        {
            using var stream = entry.Open();
            using var content = new MemoryStream();
            stream.CopyTo(content);
            return (entry.FullName, content.ToArray(), entry.CompressedLength == entry.Length ? CompressionLevel.NoCompression : CompressionLevel.Fastest);
        }
    }

    private static byte[] Written(IEnumerable<(string Name, byte[] Content, CompressionLevel Level)> entries)
    {
        using var file = new MemoryStream();
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content, level) in entries.Where(entry => Encoding.UTF8.GetByteCount(entry.Name) <= ushort.MaxValue))
            {
                var entry = zip.CreateEntry(name.Length == 0 ? " " : name, level);
                entry.LastWriteTime = new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);
                using var stream = entry.Open();
                stream.Write(content);
            }
        }
        return file.ToArray();
    }
}
