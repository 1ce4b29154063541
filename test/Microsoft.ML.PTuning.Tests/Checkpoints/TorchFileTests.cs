using System.IO.Compression;
using System.Text;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Checkpoints;

[TestClass]
public sealed class TorchFileTests
{
    private static readonly float[] Twelve = [.. Enumerable.Range(0, 12).Select(i => (float)i)];

    private readonly TemporaryDirectory _directory = new();

    private string FilePath => _directory.File("pytorch_model.bin");

    [TestCleanup]
    public void Delete() => _directory.Dispose();

    [TestMethod]
    [DataRow("archive")]
    [DataRow("archive1")]
    public void Views_of_one_storage_are_what_torch_says_they_are(string root)
    {
        Write(
            [
                ("all", View(0, [3, 4], [4, 1])),
                ("rows", View(4, [2, 4], [4, 1])),
                ("transposed", View(0, [4, 3], [1, 4])),
                ("column", View(1, [3], [4])),
                ("repeated", View(2, [2, 3], [0, 1])),
                ("scalar", View(11, [], [])),
                ("empty", View(12, [0, 4], [4, 1])),
                ("one row", View(8, [1, 4], [0, 1])),
            ],
            root: root);

        using var scope = NewDisposeScope();
        using var file = TorchFile.Open(FilePath);

        Holds(file, "all", [3, 4], Twelve);
        Holds(file, "rows", [2, 4], [4, 5, 6, 7, 8, 9, 10, 11]);
        Holds(file, "transposed", [4, 3], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
        Holds(file, "column", [3], [1, 5, 9]);
        Holds(file, "repeated", [2, 3], [2, 3, 4, 2, 3, 4]);
        Holds(file, "scalar", [], [11]);
        Holds(file, "empty", [0, 4], []);
        Holds(file, "one row", [1, 4], [8, 9, 10, 11]);
    }

    [TestMethod]
    public void A_model_in_several_parts_is_refused_with_advice()
    {
        using var model = zeros(2, 3);
        TorchWriter.WriteTrainingState(_directory.File("mp_rank_00_model_states.pt"), [("word_embeddings.weight", model)]);
        using (var whole = TorchFile.TrainingState.Open(_directory.File("mp_rank_00_model_states.pt")))
            CollectionAssert.AreEqual(new[] { "word_embeddings.weight" }, whole.Tensors.Select(entry => entry.Name).ToArray());
        File.WriteAllText(_directory.File("mp_rank_01_model_states.pt"), "");

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => TorchFile.TrainingState.Open(_directory.File("mp_rank_00_model_states.pt")));

        StringAssert.Contains(refusal.Message, "Join the parts with GLM's change_mp.py.");
    }

    [TestMethod]
    [DataRow("HalfStorage", "F16", new byte[] { 0x00, 0x3C, 0x00, 0xC9 })]
    [DataRow("BFloat16Storage", "BF16", new byte[] { 0x80, 0x3F, 0x20, 0xC1 })]
    public void Half_precision_comes_as_F32(string storageClass, string type, byte[] bytes)
    {
        TorchWriter.Write(FilePath, PickleWriter.StateDictionary([("a", new(storageClass, "0", 2, 0, [2], [1]))]), [("data/0", bytes)]);

        using var scope = NewDisposeScope();
        using var file = TorchFile.Open(FilePath);

        Assert.AreEqual($"{type} [2]", file.Tensors.Single().ToString());
        Holds(file, "a", [2], [1, -10]);
    }

    [TestMethod]
    public void Integers_come_as_they_are()
    {
        var pickle = PickleWriter.StateDictionary([("a", new("LongStorage", "0", 1, 0, [1], [1]))]);
        TorchWriter.Write(FilePath, pickle, [("data/0", [7, 0, 0, 0, 0, 0, 0, 0])]);
        using var file = TorchFile.Open(FilePath);
        using var a = file.Load("a");

        Assert.AreEqual(7, a.item<long>());
    }

    [TestMethod]
    public void A_parameter_is_its_tensor()
    {
        var pickle = new PickleWriter().Op('}').Text("a").Global("torch._utils", "_rebuild_parameter").Op('(')
            .Tensor(View(0, [3, 4], [4, 1])).Raw(0x88).OrderedDict().Op('t').Op('R').Op('s').Stop();
        TorchWriter.Write(FilePath, pickle, [("data/0", Bytes(Twelve))]);

        using var scope = NewDisposeScope();
        using var file = TorchFile.Open(FilePath);

        Holds(file, "a", [3, 4], Twelve);
    }

    [TestMethod]
    public void A_tensor_can_be_written_without_touching_the_file_or_another_load()
    {
        Write([("a", View(0, [3, 4], [4, 1]))]);
        var before = File.ReadAllBytes(FilePath);

        using var scope = NewDisposeScope();
        using (var file = TorchFile.Open(FilePath))
            file.Load("a").fill_(3);

        CollectionAssert.AreEqual(before, File.ReadAllBytes(FilePath));
    }

    [TestMethod]
    public void A_tensor_that_is_not_there_is_refused_with_those_that_are()
    {
        Write([("a", View(0, [3, 4], [4, 1]))]);
        using var file = TorchFile.Open(FilePath);

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => file.Load("b")).Message, "no tensor 'b'. It holds: a.");
    }

    [TestMethod]
    public void The_format_of_torch_before_1_6_is_refused_with_advice()
    {
        File.WriteAllBytes(FilePath, [.. Convert.FromHexString("80028A0A6CFC9C46F9206AA8501902E803"), .. new byte[100]]);

        RefusesBecause("the format that torch wrote before version 1.6", "model.save_pretrained(folder, safe_serialization=True)");
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("version https://git-lfs.github.com/spec/v1")]
    public void A_file_of_another_format_is_refused(string content)
    {
        File.WriteAllText(FilePath, content);

        RefusesBecause("it is no zip file, or its end is cut off");
    }

    [TestMethod]
    public void A_zip_of_something_else_is_refused()
    {
        using (var zip = ZipFile.Open(FilePath, ZipArchiveMode.Create))
            zip.CreateEntry("folder/archive/data.pkl");

        RefusesBecause("it is a zip with 0 entries 'name/data.pkl', expected one");
    }

    [TestMethod]
    public void A_program_of_TorchScript_is_refused()
    {
        using (var tensor = ones(3))
            tensor.save(FilePath);

        RefusesBecause("it asks for '__torch__ Module', which is no part of a tensor");
    }

    [TestMethod]
    public void A_storage_that_is_missing_is_refused_by_its_entry()
    {
        TorchWriter.Write(FilePath, PickleWriter.StateDictionary([("a", View(0, [3, 4], [4, 1]))]), [("data/1", Bytes(Twelve))]);

        RefusesBecause("it has no entry 'archive/data/0'");
    }

    [TestMethod]
    [DataRow(11)]
    [DataRow(13)]
    public void A_storage_of_another_size_than_announced_is_refused(int numbers)
    {
        TorchWriter.Write(FilePath, PickleWriter.StateDictionary([("a", View(0, [3], [1]))]), [("data/0", new byte[numbers * 4])]);

        RefusesBecause($"its entry 'archive/data/0' has {numbers * 4} bytes, expected 12 numbers of 4");
    }

    [TestMethod]
    public void Numbers_of_a_machine_with_the_other_byte_order_are_refused()
    {
        TorchWriter.Write(FilePath, PickleWriter.StateDictionary([("a", View(0, [3], [1]))]), [("data/0", Bytes(Twelve))], byteOrder: "big");

        RefusesBecause("its 'archive/byteorder' says 'big', expected 'little'");
    }

    [TestMethod]
    public void A_file_that_is_cut_short_anywhere_is_refused()
    {
        Write([("a", View(0, [3, 4], [4, 1]))]);
        var whole = File.ReadAllBytes(FilePath);

        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(FilePath, whole[..length]);
            Assert.ThrowsExactly<InvalidDataException>(() => TorchFile.Open(FilePath).Dispose(), $"{length} bytes");
        }
    }

    [TestMethod]
    public void Deflated_numbers_are_those_of_one_whole_tensor()
    {
        Write([("transposed", View(0, [4, 3], [1, 4])), ("row", View(4, [4], [1]))], CompressionLevel.Optimal);

        using var scope = NewDisposeScope();
        using var file = TorchFile.Open(FilePath);

        Holds(file, "transposed", [4, 3], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
        Assert.Contains(
            "is deflated, and holds other numbers than those of the tensor",
            Assert.ThrowsExactly<InvalidDataException>(() => file.Load("row")).Message);
    }

    [TestMethod]
    [DataRow(CompressionLevel.NoCompression)]
    [DataRow(CompressionLevel.Optimal)]
    public void A_damaged_byte_is_refused_or_changes_no_more_than_names_and_numbers(CompressionLevel compression)
    {
        Write([("a", View(0, [3, 4], [4, 1]))], compression);
        var whole = File.ReadAllBytes(FilePath);

        for (var at = 0; at < whole.Length; at++)
        {
            foreach (var flip in (byte[])[1, 16, 128, 255])
            {
                var damaged = whole.ToArray();
                damaged[at] ^= flip;
                File.WriteAllBytes(FilePath, damaged);
                try
                {
                    using var scope = NewDisposeScope();
                    using var file = TorchFile.Open(FilePath);
                    foreach (var tensor in file.Tensors.ToArray())
                        Assert.AreEqual(tensor.Shape.Aggregate(1L, (product, size) => product * size), file.Load(tensor.Name).numel());
                }
                catch (InvalidDataException)
                {
                    continue;
                }
            }
        }
    }

    [TestMethod]
    [DoNotParallelize]
    public void A_file_that_is_refused_leaves_no_tensor_behind()
    {
        Write([("a", View(0, [3, 4], [4, 1]))], CompressionLevel.Optimal);
        var whole = File.ReadAllBytes(FilePath);
        var data = whole.AsSpan().IndexOf("archive/data/0"u8) + "archive/data/0".Length;
        whole.AsSpan(data, 4).Fill(0xff);
        File.WriteAllBytes(FilePath, whole);
        var before = LiveTensors.CountSettled();

        using var file = TorchFile.Open(FilePath);
        Assert.ThrowsExactly<InvalidDataException>(() => file.Load("a"));

        Assert.AreEqual(before, LiveTensors.Count);
    }

    private static StoredTensor View(long offset, long[] shape, long[] strides) => new("FloatStorage", "0", Twelve.Length, offset, shape, strides);

    private static byte[] Bytes(float[] numbers) => [.. numbers.SelectMany(BitConverter.GetBytes)];

    private void Write(
        (string Name, StoredTensor Tensor)[] tensors, CompressionLevel compression = CompressionLevel.NoCompression, string root = "archive") =>
        TorchWriter.Write(FilePath, PickleWriter.StateDictionary(tensors), [("data/0", Bytes(Twelve))], compression, root: root);

    private static void Holds(TorchFile file, string name, long[] shape, float[] numbers)
    {
        var tensor = file.Load(name);
        CollectionAssert.AreEqual(shape, tensor.shape);
        Assert.IsTrue(tensor.is_contiguous());
        CollectionAssert.AreEqual(numbers, tensor.numel() == 0 ? [] : tensor.data<float>().ToArray());
    }

    private void RefusesBecause(params string[] reasons)
    {
        var message = Assert.ThrowsExactly<InvalidDataException>(() => TorchFile.Open(FilePath)).Message;
        StringAssert.Contains(message, $"'{FilePath}' cannot be read as tensors that torch saved");
        foreach (var reason in reasons)
            StringAssert.Contains(message, reason);
    }
}
