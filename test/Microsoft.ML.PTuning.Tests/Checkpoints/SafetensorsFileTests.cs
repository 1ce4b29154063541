using System.Buffers.Binary;
using System.Text;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Checkpoints;

[TestClass]
public sealed class SafetensorsFileTests
{
    private static readonly byte[] TwoFloats = [0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC1]; // 1, -10

    [TestMethod]
    public void Load_reads_bytes_that_another_program_wrote()
    {
        using var file = Read("""{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"__metadata__":{"format":"pt"}}""", TwoFloats);
        using var a = file.Load("a");

        CollectionAssert.AreEqual(new long[] { 2, 1 }, a.shape);
        CollectionAssert.AreEqual(new[] { 1f, -10f }, a.data<float>().ToArray());
        Assert.AreEqual("pt", file.Metadata["format"]);
    }

    [TestMethod]
    [DataRow("F16", new byte[] { 0x00, 0x3C, 0x00, 0xC9 })]
    [DataRow("BF16", new byte[] { 0x80, 0x3F, 0x20, 0xC1 })]
    public void Load_gives_half_precision_as_F32(string type, byte[] bytes)
    {
        using var file = Read($$$"""{"a":{"dtype":"{{{type}}}","shape":[2],"data_offsets":[0,4]}}""", bytes);
        using var a = file.Load("a");

        CollectionAssert.AreEqual(new[] { 1f, -10f }, a.data<float>().ToArray());
    }

    [TestMethod]
    public void Load_gives_integers_as_they_are()
    {
        using var file = Read("""{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}""", [7, 0, 0, 0, 0, 0, 0, 0]);
        using var a = file.Load("a");

        Assert.AreEqual(7, a.item<long>());
    }

    [TestMethod]
    public void Load_gives_scalars_and_empty_tensors()
    {
        using var file = Read(
            """{"empty":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]},"scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}""", TwoFloats[4..]);
        using var empty = file.Load("empty");
        using var scalar = file.Load("scalar");

        CollectionAssert.AreEqual(new long[] { 0, 3 }, empty.shape);
        Assert.AreEqual(-10, scalar.item<float>());
    }

    [TestMethod]
    [DataRow(0, DisplayName = "data at a multiple of 4")]
    [DataRow(1, DisplayName = "data elsewhere")]
    public void Load_from_disk_gives_the_right_numbers_whatever_their_alignment(int padding)
    {
        using var directory = new TemporaryDirectory();
        var header = """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""";
        File.WriteAllBytes(directory.File("a.safetensors"), Bytes(header.PadRight((header.Length + 7) / 8 * 8 + padding), TwoFloats));

        using var file = SafetensorsFile.Open(directory.File("a.safetensors"));
        using var a = file.Load("a");

        CollectionAssert.AreEqual(new[] { 1f, -10f }, a.data<float>().ToArray());
    }

    [TestMethod]
    public void A_mapped_tensor_can_be_written_without_touching_the_file()
    {
        using var directory = new TemporaryDirectory();
        var path = directory.File("a.safetensors");
        File.WriteAllBytes(path, Bytes("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  """, TwoFloats));
        var before = File.ReadAllBytes(path);

        using (var file = SafetensorsFile.Open(path))
        using (var a = file.Load("a"))
            a.fill_(3);

        CollectionAssert.AreEqual(before, File.ReadAllBytes(path));
    }

    [TestMethod]
    public void Load_names_the_tensors_there_are_when_one_is_not()
    {
        using var file = Read("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", TwoFloats);

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => file.Load("b"));

        StringAssert.Contains(refusal.Message, "no tensor 'b'");
        StringAssert.Contains(refusal.Message, "It holds: a.");
    }

    [TestMethod]
    public void Load_refuses_a_type_that_has_no_counterpart()
    {
        using var file = Read("""{"a":{"dtype":"U64","shape":[1],"data_offsets":[0,8]}}""", TwoFloats);

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => file.Load("a"));

        StringAssert.Contains(refusal.Message, "tensor 'a' is U64 [1]");
    }

    [TestMethod]
    [DataRow("not json", "its header is not JSON")]
    [DataRow("[]", "its header is a JSON Array, expected an object")]
    [DataRow("""{"a":3}""", "tensor 'a' is a JSON Number, expected an object")]
    [DataRow("""{"a":{"dtype":"F12","shape":[2],"data_offsets":[0,8]}}""", "tensor 'a' has dtype 'F12'")]
    [DataRow("""{"a":{"shape":[2],"data_offsets":[0,8]}}""", "tensor 'a' has dtype ''")]
    [DataRow("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", "tensor 'a' has no shape of whole numbers")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", "tensor 'a' has no shape of whole numbers")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""", "tensor 'a' has no data_offsets of two whole numbers")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", "tensor 'a' lies at bytes 8 to 0 of the data, which has 8")]
    [DataRow("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""", "tensor 'a' lies at bytes 0 to 12 of the data, which has 8")]
    [DataRow("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", "tensor 'a' is F32 [3], 12 bytes, but its data_offsets span 8")]
    [DataRow("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}""", "too many bytes, but its data_offsets span 8")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "tensors 'a' and 'b' overlap")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "4 bytes between 'the header' and tensor 'a' belong to no tensor")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "4 bytes after its last tensor belong to no tensor")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "stands in its header twice")]
    [DataRow("""{"__metadata__":{"n":1},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "__metadata__ entry 'n' is a JSON Number, expected a string")]
    public void Read_refuses_a_header_that_lies(string header, string reason)
    {
        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => Read(header, TwoFloats));

        StringAssert.Contains(refusal.Message, "'model.zip: a.safetensors'");
        StringAssert.Contains(refusal.Message, reason);
    }

    [TestMethod]
    [DataRow(0, "it has 0 bytes, fewer than the 8 of a header's length")]
    [DataRow(5, "it has 5 bytes, fewer than the 8 of a header's length")]
    [DataRow(20, "bytes but only 12 follow; it is cut short")]
    [DataRow(-3, "of the data, which has 5; the file is cut short or damaged")]
    public void Open_refuses_a_file_that_is_cut_short(int length, string reason)
    {
        using var directory = new TemporaryDirectory();
        var whole = Bytes("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", TwoFloats);
        File.WriteAllBytes(directory.File("a.safetensors"), length < 0 ? whole[..^-length] : whole[..length]);

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => SafetensorsFile.Open(directory.File("a.safetensors")));

        StringAssert.Contains(refusal.Message, directory.File("a.safetensors"));
        StringAssert.Contains(refusal.Message, reason);
    }

    [TestMethod]
    public void Open_refuses_a_file_of_another_format()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("a.safetensors"), "version https://git-lfs.github.com/spec/v1");

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => SafetensorsFile.Open(directory.File("a.safetensors")));

        StringAssert.Contains(refusal.Message, "it is no safetensors file");
    }

    [TestMethod]
    public void A_damaged_byte_is_refused_or_changes_no_more_than_names_and_numbers()
    {
        var whole = Bytes("""{"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"\u00e4":{"dtype":"F16","shape":[2],"data_offsets":[4,8]}}""", TwoFloats);
        for (var at = 0; at < whole.Length; at++)
        {
            for (var value = 0; value < 256; value++)
            {
                var damaged = whole.ToArray();
                damaged[at] = (byte)value;
                try
                {
                    using var file = SafetensorsFile.Read(new MemoryStream(damaged), "damaged");
                    Assert.AreEqual(TwoFloats.Length, file.Entries.Values.Sum(entry => entry.ByteLength));
                }
                catch (InvalidDataException)
                {
                    continue;
                }
            }
        }
    }

    private static SafetensorsFile Read(string header, byte[] data) =>
        SafetensorsFile.Read(new MemoryStream(Bytes(header, data)), "model.zip: a.safetensors");

    private static byte[] Bytes(string header, byte[] data)
    {
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        return [.. length, .. Encoding.UTF8.GetBytes(header), .. data];
    }
}
