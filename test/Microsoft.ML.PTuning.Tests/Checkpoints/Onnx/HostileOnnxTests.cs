using Microsoft.ML.PTuning.Checkpoints.Onnx;
using Microsoft.ML.PTuning.Tests.Formats;

namespace Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;

/// <summary>Files that are damaged, of another format, or made to hurt: each is refused with a reason.</summary>
[TestClass]
public sealed class HostileOnnxTests : IDisposable
{
    private readonly OnnxDraft _draft = new();
    private readonly OnnxReading _reading = new();

    public void Dispose() => _reading.Dispose();

    [TestMethod]
    [DataRow("")]
    [DataRow("version https://git-lfs.github.com/spec/v1\noid sha256:0123")]
    [DataRow("PK\u0003\u0004 some zip")]
    public void A_file_of_another_format_is_refused(string content)
    {
        File.WriteAllText(_reading.Path, content);

        _reading.RefusesBecause("Fetch or export the file again.");
    }

    [TestMethod]
    public void A_file_of_more_than_2_GiB_is_refused_with_advice()
    {
        using (var file = File.Create(_reading.Path))
            file.SetLength(int.MaxValue + 1L);

        _reading.RefusesBecause("more than the 2 GiB of the format", "weights in files beside it");
    }

    [TestMethod]
    public void A_file_that_is_cut_short_anywhere_is_refused_or_whole()
    {
        var whole = Small().ToBytes();
        using (var expected = _reading.Open(_draft))
        {
            for (var length = 0; length < whole.Length; length++)
            {
                File.WriteAllBytes(_reading.File("cut.onnx"), whole[..length]);
                try
                {
                    // The versions of the operators come last; they are not looked at.
                    using var model = OnnxModel.Open(_reading.File("cut.onnx"));
                    CollectionAssert.AreEqual(OnnxReading.List(expected), OnnxReading.List(model), $"{length} bytes");
                }
                catch (InvalidDataException)
                {
                    continue;
                }
            }
        }
    }

    [TestMethod]
    public void A_damaged_byte_is_read_or_refused_and_nothing_else()
    {
        var whole = Small().ToBytes();
        var damaged = _reading.File("damaged.onnx");
        for (var at = 0; at < whole.Length; at++)
        {
            foreach (var flip in (byte[])[1, 16, 128, 255])
            {
                var bytes = whole.ToArray();
                bytes[at] ^= flip;
                File.WriteAllBytes(damaged, bytes);
                try
                {
                    using var model = OnnxModel.Open(damaged);
                    foreach (var tensor in model.Tensors.Where(tensor => tensor.Weight.IsFloat))
                        model.Read(tensor, new float[tensor.Shape.Aggregate(1L, (count, size) => count * size)]);
                }
                catch (InvalidDataException)
                {
                    continue;
                }
            }
        }
    }

    [TestMethod]
    [DataRow(new[] { 2L, 4 }, "its tensor 'a.weight' is F32 [2, 4], 32 bytes, but has 24")]
    [DataRow(new[] { 1L << 40, 1L << 10 }, "its tensor 'a.weight' is F32 [1099511627776, 1024], 4503599627370496 bytes, but has 24")]
    [DataRow(new[] { 1L << 40, 1L << 40 }, "its tensor 'a.weight' has the shape [1099511627776, 1099511627776], which is larger than any file")]
    [DataRow(new[] { -2L, -3 }, "its tensor 'a.weight' has the shape [-2, -3], which is none")]
    [DataRow(new[] { 1L, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 6 }, "a tensor's shape has more than 16 numbers")]
    public void A_shape_that_does_not_fit_the_numbers_is_refused(long[] shape, string reason)
    {
        _draft.Tensors.Add(DraftTensor.Of("a.weight", [1f, 2, 3, 4, 5, 6], shape));

        _reading.RefusesBecause(_draft, reason);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Numbers_in_fields_that_are_fewer_than_announced_are_refused(bool isPacked)
    {
        _draft.Tensors.Add(DraftTensor.Of("a.weight", [1f, 2], 3000000) with { IsPacked = isPacked });

        _reading.RefusesBecause(_draft, "its tensor 'a.weight' is F32 [3000000], 3000000 numbers, but has 2");
    }

    [TestMethod]
    public void A_tensor_without_numbers_is_refused()
    {
        WriteModel(graph => graph.Message(5, tensor => tensor.Varint(1, 4).Varint(2, 1).Text(8, "a.weight")));

        _reading.RefusesBecause("its tensor 'a.weight' is F32 [4], 4 numbers, but has 0");
    }

    [TestMethod]
    public void A_tensor_of_an_unknown_type_is_refused()
    {
        WriteModel(graph => graph.Message(5, tensor => tensor.Varint(1, 4).Varint(2, 99).Text(8, "a.weight").Bytes(9, new byte[4])));

        _reading.RefusesBecause("a tensor is of the type 99, which this reader does not know");
    }

    [TestMethod]
    public void A_tensor_in_segments_is_refused()
    {
        WriteModel(graph => graph.Message(5, tensor => tensor.Varint(1, 4).Varint(2, 1).Message(3, segment => segment.Varint(1, 0).Varint(2, 2))));

        _reading.RefusesBecause("comes in segments, which are not read");
    }

    [TestMethod]
    public void Sparse_tensors_are_refused()
    {
        WriteModel(graph => graph.Message(15, _ => { }));

        _reading.RefusesBecause("it holds sparse tensors, which are not read");
    }

    [TestMethod]
    [DataRow(0, "it holds no graph")]
    [DataRow(2, "it holds two graphs")]
    public void A_model_has_one_graph(int graphs, string reason)
    {
        var model = new ProtobufWriter().Varint(1, 7);
        for (var i = 0; i < graphs; i++)
            model.Message(7, graph => graph.Text(2, "graph"));
        File.WriteAllBytes(_reading.Path, model.ToArray());

        _reading.RefusesBecause(reason);
    }

    [TestMethod]
    public void A_tensor_that_is_there_twice_is_refused()
    {
        _draft.Tensors.Add(DraftTensor.Of("a.weight", [1f], 1));
        _draft.Tensors.Add(DraftTensor.Of("a.weight", [2f], 1));

        _reading.RefusesBecause(_draft, "it holds the tensor 'a.weight' twice");
    }

    [TestMethod]
    public void A_value_that_two_nodes_give_is_refused()
    {
        _draft.Add("Identity", ["x"], ["y"], "one");
        _draft.Add("Identity", ["x"], ["y"], "two");

        _reading.RefusesBecause(_draft, "the node Identity 'two' gives the value 'y', which is given already");
    }

    [TestMethod]
    public void Two_weights_of_one_name_are_refused()
    {
        _draft.Tensors.Add(DraftTensor.Of("1", [1f, 2, 3, 4], 2, 2));
        _draft.Tensors.Add(DraftTensor.Of("2", [1f, 2, 3, 5], 2, 2));
        _draft.Tensors.Add(DraftTensor.Of("dense.bias", [1f, 2], 2));
        foreach (var i in (string[])["1", "2"])
        {
            _draft.Add("MatMul", ["x", i], [$"product{i}"]);
            _draft.Add("Add", [$"product{i}", "dense.bias"], [$"y{i}"]);
        }

        _reading.RefusesBecause(_draft, "it gives 'dense.weight' twice: '1' (F32 [2, 2]) and '2' (F32 [2, 2])");
    }

    [TestMethod]
    public void A_graph_that_runs_in_a_circle_is_refused()
    {
        _draft.Add("Identity", ["b"], ["a"]);
        _draft.Add("Cast", ["a"], ["b"]);
        _draft.Add("MatMul", ["x", "a"], ["y"]);

        _reading.RefusesBecause(_draft, "its graph runs in a circle at the value 'a'");
    }

    [TestMethod]
    public void A_circle_behind_a_product_is_not_run_along()
    {
        _draft.Tensors.Add(DraftTensor.Of("1", [1f, 2, 3, 4], 2, 2));
        _draft.Add("MatMul", ["x", "1"], ["a"]);
        _draft.Add("Cast", ["a"], ["b"]);
        _draft.Add("Identity", ["b"], ["c"]);
        for (var i = 0; i < 20; i++)
            _draft.Add("QuantizeLinear", ["c"], [$"d{i}"]);
        _draft.Add("Add", ["c", "c"], ["e"]);

        _reading.Holds(_draft, ("1", [2, 2], [1, 3, 2, 4]));
    }

    [TestMethod]
    [Timeout(60_000)]
    public void A_chain_of_any_length_is_followed()
    {
        const int length = 200_000;
        _draft.Tensors.Add(DraftTensor.Of("a.weight", [1f, 2, 3, 4], 2, 2));
        _draft.Add("Transpose", ["a.weight"], ["0"]);
        for (var i = 0; i < length; i++)
            _draft.Add("Identity", [$"{i}"], [$"{i + 1}"]);
        for (var i = 0; i < 1000; i++)
            _draft.Add("MatMul", ["x", $"{length - i}"], [$"y{i}"]);

        _reading.Holds(_draft, ("a.weight", [2, 2], [1, 2, 3, 4]));
    }

    [TestMethod]
    public void Graphs_in_graphs_are_not_looked_into()
    {
        byte[] inner = [];
        for (var depth = 0; depth < 5000; depth++)
        {
            var below = inner;
            inner = new ProtobufWriter()
                .Message(1, node => node.Text(4, "If").Message(5, attribute => attribute.Text(1, "then_branch").Bytes(6, below))).ToArray();
        }

        File.WriteAllBytes(_reading.Path, new ProtobufWriter().Bytes(7, inner).ToArray());

        using var model = OnnxModel.Open(_reading.Path);
        Assert.IsEmpty(model.Tensors);
    }

    [TestMethod]
    [DataRow("Attention")]
    [DataRow("MultiHeadAttention")]
    [DataRow("QAttention")]
    [DataRow("MatMulNBits")]
    public void Packed_weights_are_refused_with_advice(string @operator)
    {
        _draft.Add(@operator, ["x", "Attention_0_qkv_weight"], ["y"], "Attention_0", domain: "com.microsoft");

        _reading.RefusesBecause(
            _draft, $"its node com.microsoft.{@operator} 'Attention_0' packs weights that a checkpoint keeps apart", "export the model without");
    }

    [TestMethod]
    [DataRow("alpha")]
    [DataRow("beta")]
    public void A_product_that_is_scaled_is_refused(string factor)
    {
        _draft.Tensors.Add(DraftTensor.Of("dense.weight", [1f, 2, 3, 4], 2, 2));
        _draft.Add("Gemm", ["x", "dense.weight"], ["y"]).With(factor, 0.5f);

        _reading.RefusesBecause(_draft, "the node Gemm 'y' multiplies its product with 'dense.weight' (F32 [2, 2]), or its bias, by 0.5, expected 1");
    }

    private OnnxDraft Small()
    {
        _draft.Tensors.Add(DraftTensor.Of("1", [1f, 2, 3, 4, 5, 6], 2, 3));
        _draft.Tensors.Add(DraftTensor.Of("a.bias", [1f, 2, 3], 3) with { IsPacked = true });
        _draft.Tensors.Add(DraftTensor.Of("b.weight_quantized", (sbyte[])[1, 2, 3, 4], 2, 2) with { IsPacked = true });
        _draft.Tensors.Add(DraftTensor.Of("s", [1f, 2], 2) with { IsPacked = false });
        _draft.Tensors.Add(DraftTensor.Of("z", (sbyte[])[1, 2], 2));
        _draft.Add("MatMul", ["x", "1"], ["product"], "/a/MatMul");
        _draft.Add("Add", ["product", "a.bias"], ["y"], "/a/Add");
        _draft.Add("DequantizeLinear", ["b.weight_quantized", "s", "z"], ["w"]).With("axis", 1);
        _draft.Add("Gemm", ["y", "w"], ["v"]).With("transB", 1);
        return _draft;
    }

    private void WriteModel(Action<ProtobufWriter> writeGraph) =>
        File.WriteAllBytes(_reading.Path, new ProtobufWriter().Varint(1, 7).Message(7, writeGraph).ToArray());
}
