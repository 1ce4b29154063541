using System.IO.Compression;
using System.Text;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Tests.Backbones;
using TorchSharp;

namespace Microsoft.ML.PTuning.Tests.Checkpoints;

[TestClass]
public sealed class ZipDirectoryTests
{
    private static readonly byte[] Content = Encoding.ASCII.GetBytes(new string('x', 100));

    [TestMethod]
    public void A_stored_entry_is_found_where_its_bytes_are()
    {
        var zip = Zip(CompressionLevel.NoCompression);

        var entry = ZipDirectory.Read(new MemoryStream(zip))["a"];

        Assert.IsFalse(entry.Deflated);
        CollectionAssert.AreEqual(Content, zip[(int)entry.Offset..(int)(entry.Offset + entry.StoredLength)]);
    }

    [TestMethod]
    public void A_zip_that_torch_wrote_is_read()
    {
        using var directory = new TemporaryDirectory();
        using (var numbers = torch.tensor(new[] { 1f, -10f }))
            numbers.save(directory.File("numbers.pt"));
        var zip = File.ReadAllBytes(directory.File("numbers.pt"));

        var entry = ZipDirectory.Read(new MemoryStream(zip))["numbers/data/0"];

        CollectionAssert.AreEqual(new byte[] { 0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC1 }, zip[(int)entry.Offset..(int)(entry.Offset + entry.Length)]);
    }

    [TestMethod]
    public void A_deflated_entry_tells_both_of_its_lengths()
    {
        var entry = ZipDirectory.Read(new MemoryStream(Zip(CompressionLevel.Optimal)))["a"];

        Assert.IsTrue(entry.Deflated);
        Assert.AreEqual(100, entry.Length);
        Assert.IsLessThan(100, entry.StoredLength);
    }

    [TestMethod]
    public void A_comment_at_the_end_is_skipped()
    {
        var zip = Zip(CompressionLevel.NoCompression, comment: "PK\u0005\u0006 and more");

        Assert.HasCount(1, ZipDirectory.Read(new MemoryStream(zip)));
    }

    [TestMethod]
    public void Numbers_of_64_bits_are_read()
    {
        var zip = Zip64();

        var entry = ZipDirectory.Read(new MemoryStream(zip))["a"];

        Assert.AreEqual(100, entry.Length);
        CollectionAssert.AreEqual(Content, zip[(int)entry.Offset..(int)(entry.Offset + entry.StoredLength)]);
    }

    [TestMethod]
    public void A_zip_of_64_bits_that_is_damaged_is_refused_or_stays_within_the_file()
    {
        var whole = Zip64();
        for (var at = 0; at < whole.Length; at++)
        {
            foreach (var flip in (byte[])[1, 16, 127, 128, 255])
            {
                var damaged = whole.ToArray();
                damaged[at] ^= flip;
                try
                {
                    foreach (var entry in ZipDirectory.Read(new MemoryStream(damaged)).Values)
                        Assert.IsTrue(entry.Offset >= 0 && entry.StoredLength >= 0 && entry.Offset + entry.StoredLength <= damaged.Length);
                }
                catch (InvalidDataException)
                {
                    continue;
                }
            }
        }
    }

    [TestMethod]
    public void An_entry_that_stands_twice_is_refused()
    {
        var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            zip.CreateEntry("a");
            zip.CreateEntry("a");
        }

        RefusesBecause(bytes.ToArray(), "it holds the entry 'a' twice");
    }

    // Offsets within the directory's header of an entry: flags 8, method 10, length 24.
    [TestMethod]
    [DataRow(8, 1, "its entry 'a' is encrypted or packed with method 0")]
    [DataRow(10, 12, "its entry 'a' is encrypted or packed with method 12")]
    [DataRow(24, 99, "its entry 'a' cannot have 99 bytes, packed in 100")]
    [DataRow(45, 127, "where there is none; the file is cut short or damaged")]
    public void An_entry_that_cannot_be_read_is_refused(int at, int value, string reason)
    {
        var zip = Zip(CompressionLevel.NoCompression);
        zip[zip.AsSpan().IndexOf("PK\u0001\u0002"u8) + at] = (byte)value;

        RefusesBecause(zip, reason);
    }

    [TestMethod]
    public void An_entry_that_claims_more_than_deflate_can_pack_is_refused()
    {
        var zip = Zip(CompressionLevel.Optimal);
        zip[zip.AsSpan().IndexOf("PK\u0001\u0002"u8) + 27] = 127;

        RefusesBecause(zip, "its entry 'a' cannot have");
    }

    private static byte[] Zip(CompressionLevel compression, string comment = "")
    {
        var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            zip.Comment = comment;
            using var entry = zip.CreateEntry("a", compression).Open();
            entry.Write(Content);
        }

        return bytes.ToArray();
    }

    /// <summary>One entry, every number of which stands where 64 bits are (PKWARE APPNOTE 4.3.7, 4.3.12, 4.3.14 to 4.3.16, 4.5.3).</summary>
    private static byte[] Zip64()
    {
        var bytes = new MemoryStream();
        var zip = new BinaryWriter(bytes);
        zip.Write("PK\u0003\u0004"u8);
        zip.Write(new byte[22]); // versions, method 0, times, CRC, sizes
        zip.Write((ushort)1);
        zip.Write((ushort)3);
        zip.Write("a..."u8); // the name, and an extra field as padding
        zip.Write(Content);

        var directory = bytes.Position;
        zip.Write("PK\u0001\u0002"u8);
        zip.Write(new byte[16]); // versions, flags, method, times, CRC
        zip.Write(uint.MaxValue); // both lengths
        zip.Write(uint.MaxValue);
        zip.Write((ushort)1);
        zip.Write((ushort)(5 + 28));
        zip.Write(new byte[10]); // comment, disk, attributes
        zip.Write(uint.MaxValue); // where it begins
        zip.Write("a"u8);
        zip.Write("FB\u0001\u0000."u8); // an extra field of another kind
        zip.Write([0x01, 0x00, 24, 0]);
        zip.Write((long)Content.Length);
        zip.Write((long)Content.Length);
        zip.Write(0L);

        var end = bytes.Position;
        zip.Write("PK\u0006\u0006"u8);
        zip.Write(44L);
        zip.Write(new byte[12]);
        zip.Write(1L);
        zip.Write(1L);
        zip.Write(end - directory);
        zip.Write(directory);
        zip.Write("PK\u0006\u0007"u8);
        zip.Write(0);
        zip.Write(end);
        zip.Write(1);
        zip.Write("PK\u0005\u0006"u8);
        zip.Write(0);
        zip.Write(ushort.MaxValue);
        zip.Write(ushort.MaxValue);
        zip.Write(uint.MaxValue);
        zip.Write(uint.MaxValue);
        zip.Write((ushort)0);
        return bytes.ToArray();
    }

    private static void RefusesBecause(byte[] zip, string reason) =>
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => ZipDirectory.Read(new MemoryStream(zip))).Message, reason);
}
