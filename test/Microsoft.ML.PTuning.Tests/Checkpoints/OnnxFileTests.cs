using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Checkpoints;

/// <summary>ONNX files as checkpoints: tensors, whatever way their numbers are stored.</summary>
[TestClass]
public sealed class OnnxFileTests : IDisposable
{
    private static readonly float[] Six = [1, -2, 3.5f, -4, 5, 1024];

    private readonly TemporaryDirectory _directory = new();
    private readonly OnnxDraft _draft = new();

    private string FilePath => _directory.File("model.onnx");

    public void Dispose() => _directory.Dispose();

    [TestMethod]
    [DataRow(OnnxType.Float, "F32", null)]
    [DataRow(OnnxType.Float, "F32", true)]
    [DataRow(OnnxType.Float, "F32", false)]
    [DataRow(OnnxType.Float16, "F16", null)]
    [DataRow(OnnxType.Float16, "F16", true)]
    [DataRow(OnnxType.Float16, "F16", false)]
    [DataRow(OnnxType.BFloat16, "BF16", null)]
    [DataRow(OnnxType.BFloat16, "BF16", true)]
    [DataRow(OnnxType.BFloat16, "BF16", false)]
    public void Floating_point_numbers_come_as_F32_in_the_order_of_Hugging_Face(OnnxType type, string name, bool? isPacked)
    {
        Add(DraftTensor.Of("table.weight", Six, 2, 3));
        Add(DraftTensor.Of("dense.weight", Six, 2, 3));
        _draft.Add("MatMul", ["x", "dense.weight"], ["y"]);

        using var scope = NewDisposeScope();
        using var file = Open();

        CollectionAssert.AreEqual((string[])[$"{name} [3, 2]", $"{name} [2, 3]"], file.Tensors.Select(tensor => tensor.ToString()).ToArray());
        Holds(file, "table.weight", [2, 3], Six);
        Holds(file, "dense.weight", [3, 2], [1, -4, -2, 5, 3.5f, 1024]);

        void Add(DraftTensor tensor)
        {
            var typed = type switch { OnnxType.Float16 => tensor.AsHalf(), OnnxType.BFloat16 => tensor.AsBFloat16(), _ => tensor };
            _draft.Tensors.Add(typed with { IsPacked = isPacked });
        }
    }

    [TestMethod]
    [DataRow(null)]
    [DataRow(true)]
    [DataRow(false)]
    public void Integers_come_as_they_are(bool? isPacked)
    {
        _draft.Tensors.Add(DraftTensor.Of("embeddings.position_ids", [7, -1, long.MaxValue], 1, 3) with { IsPacked = isPacked });
        using var file = Open();
        using var ids = file.Load("embeddings.position_ids");

        CollectionAssert.AreEqual((long[])[7, -1, long.MaxValue], ids.data<long>().ToArray());
    }

    [TestMethod]
    public void Quantised_numbers_come_as_F32()
    {
        _draft.Tensors.Add(DraftTensor.Of("a.weight_quantized", (sbyte[])[1, -2], 2));
        _draft.Tensors.Add(DraftTensor.Of("scale", [0.5f]));
        _draft.Add("DequantizeLinear", ["a.weight_quantized", "scale"], ["y"]);

        using var scope = NewDisposeScope();
        using var file = Open();

        Assert.AreEqual("F32 [2]", file.Tensors.Single().ToString());
        Holds(file, "a.weight", [2], [0.5f, -1]);
    }

    [TestMethod]
    public void Tensors_without_numbers_and_scalars_in_lists_are_tensors()
    {
        _draft.Tensors.Add(DraftTensor.Of("a.weight", Array.Empty<float>(), 0, 3));
        _draft.Tensors.Add(DraftTensor.Of("b.weight", Array.Empty<float>(), 2, 0) with { IsPacked = true });
        _draft.Tensors.Add(DraftTensor.Of("c.weight", [3f], 1));

        using var scope = NewDisposeScope();
        using var file = Open();

        Holds(file, "a.weight", [0, 3], []);
        Holds(file, "b.weight", [2, 0], []);
        Holds(file, "c.weight", [1], [3]);
    }

    /// <summary>One of these begins at a multiple of 4 and is mapped, the others are copied.</summary>
    [TestMethod]
    public void Numbers_may_begin_at_any_byte()
    {
        foreach (var name in (string[])["a.w", "a.wei", "a.weigh", "a.weight"])
            _draft.Tensors.Add(DraftTensor.Of(name, Six, 6));

        using var scope = NewDisposeScope();
        using var file = Open();

        foreach (var tensor in _draft.Tensors)
            Holds(file, tensor.Name, [6], Six);
    }

    [TestMethod]
    public void A_tensor_can_be_written_without_touching_the_file_or_another_load()
    {
        foreach (var name in (string[])["a.w", "a.wei", "a.weigh", "a.weight"])
            _draft.Tensors.Add(DraftTensor.Of(name, Six, 6));
        var before = _draft.ToBytes();

        using var scope = NewDisposeScope();
        using (var file = Open())
            foreach (var tensor in _draft.Tensors)
                file.Load(tensor.Name).fill_(3);

        CollectionAssert.AreEqual(before, File.ReadAllBytes(FilePath));
    }

    [TestMethod]
    public void Tensors_live_on_when_the_file_is_closed()
    {
        foreach (var name in (string[])["a.w", "a.wei", "a.weigh", "a.weight"])
            _draft.Tensors.Add(DraftTensor.Of(name, Six, 6));

        using var scope = NewDisposeScope();
        Tensor[] tensors;
        using (var file = Open())
            tensors = [.. _draft.Tensors.Select(tensor => file.Load(tensor.Name))];

        foreach (var tensor in tensors)
            CollectionAssert.AreEqual(Six, tensor.data<float>().ToArray());
    }

    [TestMethod]
    public void A_tensor_that_is_not_there_is_refused_with_those_that_are()
    {
        _draft.Tensors.Add(DraftTensor.Of("a.weight", Six, 6));
        using var file = Open();

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => file.Load("b")).Message, "no tensor 'b'. It holds: a.weight.");
    }

    [TestMethod]
    public void A_type_that_no_tensor_has_is_refused()
    {
        _draft.Tensors.Add(new DraftTensor("a.weight", OnnxType.Int4, [4], [1, 2]));
        using var file = Open();

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => file.Load("a.weight"));
        StringAssert.Contains(refusal.Message, "tensor 'a.weight' is I4, a type that cannot be read");
    }

    private OnnxFile Open() => OnnxFile.Open(_draft.Save(FilePath));

    private static void Holds(OnnxFile file, string name, long[] shape, float[] numbers)
    {
        var tensor = file.Load(name);
        CollectionAssert.AreEqual(shape, tensor.shape);
        Assert.IsTrue(tensor.is_contiguous());
        CollectionAssert.AreEqual(numbers, tensor.numel() == 0 ? [] : tensor.data<float>().ToArray());
    }
}
