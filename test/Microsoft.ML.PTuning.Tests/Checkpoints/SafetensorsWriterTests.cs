using System.Buffers.Binary;
using System.Text.Json;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Checkpoints;

[TestClass]
public sealed class SafetensorsWriterTests
{
    private readonly Draw _draw = new();

    [TestMethod]
    public void Write_gives_the_bytes_that_the_format_asks_for()
    {
        using var scope = NewDisposeScope();
        using var stream = new MemoryStream();

        SafetensorsWriter.Write(stream, [("b", tensor([1f, -10f])), ("a", tensor(0.5f))], metadata: new Dictionary<string, string> { ["format"] = "pt" });

        var bytes = stream.ToArray();
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        var header = JsonDocument.Parse(bytes.AsMemory(8, length)).RootElement;
        Assert.AreEqual(
            """{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}""",
            header.GetRawText());
        CollectionAssert.AreEqual(
            new byte[] { 0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC1, 0, 0, 0, 0x3F }, bytes[(8 + length)..]);
    }

    [TestMethod]
    [DataRow("a")]
    [DataRow("ab")]
    [DataRow("abcd")]
    [DataRow("abcdefg")]
    public void Write_begins_the_data_at_a_multiple_of_8(string name)
    {
        using var scope = NewDisposeScope();
        using var stream = new MemoryStream();

        SafetensorsWriter.Write(stream, [(name, zeros(3))]);

        Assert.AreEqual(0, (8 + BinaryPrimitives.ReadInt64LittleEndian(stream.ToArray())) % 8);
    }

    [TestMethod]
    public void What_is_written_reads_back_bit_by_bit()
    {
        using var scope = NewDisposeScope();
        using var stream = new MemoryStream();
        var (matrix, transposed, scalar) = (_draw.Normal(5, 3), _draw.Normal(4, 6).t(), tensor(1 / 3f));

        SafetensorsWriter.Write(stream, [("matrix", matrix), ("transposed", transposed), ("scalar", scalar), ("empty", zeros(0, 2))]);

        stream.Position = 0;
        using var file = SafetensorsFile.Read(stream, "stream");
        var back = file.LoadAll();
        Assert.IsTrue(back["matrix"].equal(matrix).all().item<bool>());
        Assert.IsTrue(back["transposed"].equal(transposed).all().item<bool>());
        Assert.AreEqual(1 / 3f, back["scalar"].item<float>());
        CollectionAssert.AreEqual(new long[] { 0, 2 }, back["empty"].shape);
    }

    [TestMethod]
    public void F16_storage_takes_half_the_bytes_and_rounds()
    {
        using var scope = NewDisposeScope();
        using var stream = new MemoryStream();
        var numbers = _draw.Normal(16, 8);

        SafetensorsWriter.Write(stream, [("numbers", numbers)], SafetensorsStorage.F16);

        stream.Position = 0;
        using var file = SafetensorsFile.Read(stream, "stream");
        Assert.AreEqual(16 * 8 * 2, file.Entries["numbers"].ByteLength);
        Numbers.AreClose(numbers, file.Load("numbers"), absolute: 1e-7, relative: Math.Pow(2, -11));
    }

    [TestMethod]
    public void F16_storage_refuses_numbers_that_it_cannot_hold()
    {
        using var scope = NewDisposeScope();

        var refusal = Assert.ThrowsExactly<ArgumentException>(
            () => SafetensorsWriter.Write(new MemoryStream(), [("big", tensor(70000f))], SafetensorsStorage.F16));

        StringAssert.Contains(refusal.Message, "'big' holds numbers beyond F16's ±65504");
    }

    [TestMethod]
    [DataRow("a", "a")]
    [DataRow("a", "__metadata__")]
    public void Write_refuses_a_name_that_is_taken(string first, string second)
    {
        using var scope = NewDisposeScope();

        var refusal = Assert.ThrowsExactly<ArgumentException>(() => SafetensorsWriter.Write(new MemoryStream(), [(first, zeros(1)), (second, zeros(1))]));

        StringAssert.Contains(refusal.Message, $"'{second}' came again");
    }

    [TestMethod]
    public void Write_takes_parameters_that_ask_for_a_gradient()
    {
        using var scope = NewDisposeScope();
        using var stream = new MemoryStream();
        var parameter = _draw.Normal(2, 2).requires_grad_();

        SafetensorsWriter.Write(stream, [("parameter", parameter)]);

        stream.Position = 0;
        using var file = SafetensorsFile.Read(stream, "stream");
        Assert.IsFalse(file.Load("parameter").requires_grad);
    }
}
