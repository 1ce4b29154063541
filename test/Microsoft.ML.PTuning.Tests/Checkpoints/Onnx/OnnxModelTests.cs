namespace Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;

/// <summary>Which weights a graph has, and what they are called.</summary>
[TestClass]
public sealed class OnnxModelTests : IDisposable
{
    private static readonly float[] Six = [1, 2, 3, 4, 5, 6], SixTransposed = [1, 4, 2, 5, 3, 6];

    private readonly OnnxDraft _draft = new();
    private readonly OnnxReading _reading = new();

    public void Dispose() => _reading.Dispose();

    [TestMethod]
    [DataRow("onnx::MatMul_466", true)]
    [DataRow("927", false)]
    public void The_bias_after_a_product_names_its_matrix_which_is_transposed(string matrix, bool isFirst)
    {
        _draft.Tensors.Add(DraftTensor.Of(matrix, Six, 2, 3));
        _draft.Tensors.Add(DraftTensor.Of("encoder.dense.bias", [7f, 8, 9], 3));
        _draft.Add("MatMul", ["x", matrix], ["product"]);
        _draft.Add("Add", isFirst ? ["encoder.dense.bias", "product"] : ["product", "encoder.dense.bias"], ["y"]);

        Holds(("encoder.dense.bias", [3], [7, 8, 9]), ("encoder.dense.weight", [3, 2], SixTransposed));
    }

    [TestMethod]
    [DataRow("Add", "")]
    [DataRow("BiasGelu", "com.microsoft")]
    [DataRow("FastGelu", "com.microsoft")]
    public void The_bias_may_come_after_a_cast_and_with_an_activation(string @operator, string domain)
    {
        _draft.Tensors.Add(DraftTensor.Of("1", Six, 2, 3));
        _draft.Tensors.Add(DraftTensor.Of("dense.bias", [7f, 8, 9], 3));
        _draft.Add("MatMul", ["x", "1"], ["product"]);
        _draft.Add("Cast", ["product"], ["cast"]).With("to", 1);
        _draft.Add(@operator, ["cast", "dense.bias"], ["y"], domain: domain);

        Holds(("dense.bias", [3], [7, 8, 9]), ("dense.weight", [3, 2], SixTransposed));
    }

    [TestMethod]
    public void The_bias_may_come_with_the_normalisation()
    {
        _draft.Tensors.Add(DraftTensor.Of("1", Six, 2, 3));
        foreach (var name in (string[])["norm.weight", "norm.bias", "dense.bias"])
            _draft.Tensors.Add(DraftTensor.Of(name, [7f, 8, 9], 3));
        _draft.Add("MatMul", ["x", "1"], ["product"]);
        _draft.Add("SkipLayerNormalization", ["product", "x", "norm.weight", "norm.bias", "dense.bias"], ["y"], domain: "com.microsoft");

        Holds(
            ("dense.bias", [3], [7, 8, 9]), ("dense.weight", [3, 2], SixTransposed), ("norm.bias", [3], [7, 8, 9]), ("norm.weight", [3], [7, 8, 9]));
    }

    [TestMethod]
    public void Where_the_biases_have_no_names_the_nodes_tell_the_module()
    {
        _draft.Tensors.Add(DraftTensor.Of("1", Six, 2, 3));
        _draft.Tensors.Add(DraftTensor.Of("2", [7f, 8, 9], 3));
        _draft.Tensors.Add(DraftTensor.Of("3", [1f, 1, 1], 3));
        _draft.Tensors.Add(DraftTensor.Of("4", [2f, 2, 2], 3));
        _draft.Tensors.Add(DraftTensor.Of("5", Six, 3, 2));
        _draft.Add("Gather", ["5", "ids"], ["x"], "/embeddings/word_embeddings/Gather");
        _draft.Add("MatMul", ["x", "1"], ["product"], "/encoder/layer.0/output/dense/MatMul");
        _draft.Add("Add", ["2", "product"], ["sum"], "/encoder/layer.0/output/dense/Add");
        _draft.Add("Mul", ["sum", "3"], ["scaled"], "/encoder/layer.0/output/LayerNorm/Mul");
        _draft.Add("Add", ["scaled", "4"], ["y"], "/encoder/layer.0/output/LayerNorm/Add_1");

        Holds(
            ("embeddings.word_embeddings.weight", [3, 2], Six),
            ("encoder.layer.0.output.LayerNorm.bias", [3], [2, 2, 2]),
            ("encoder.layer.0.output.LayerNorm.weight", [3], [1, 1, 1]),
            ("encoder.layer.0.output.dense.bias", [3], [7, 8, 9]),
            ("encoder.layer.0.output.dense.weight", [3, 2], SixTransposed));
    }

    [TestMethod]
    public void A_normalisation_of_one_node_is_named_by_it()
    {
        _draft.Tensors.Add(DraftTensor.Of("1", [1f, 1], 2));
        _draft.Tensors.Add(DraftTensor.Of("2", [2f, 2], 2));
        _draft.Add("LayerNormalization", ["x", "1", "2"], ["y"], "/embeddings/LayerNorm/LayerNormalization");

        Holds(("embeddings.LayerNorm.bias", [2], [2, 2]), ("embeddings.LayerNorm.weight", [2], [1, 1]));
    }

    [TestMethod]
    public void A_module_that_runs_twice_has_its_weights_once()
    {
        _draft.Tensors.Add(DraftTensor.Of("1", [1f, 2, 3, 4], 2, 2));
        _draft.Add("MatMul", ["x", "1"], ["y"], "/layers.0/query/MatMul");
        _draft.Add("Identity", ["1"], ["2"]);
        _draft.Add("MatMul", ["y", "2"], ["z"], "/layers.0/query_1/MatMul");

        Holds(("layers.0.query.weight", [2, 2], [1, 3, 2, 4]));
    }

    [TestMethod]
    public void Modules_with_equal_numbers_have_a_tensor_each()
    {
        _draft.Tensors.Add(DraftTensor.Of("a.norm.weight", [1f, 1], 2));
        _draft.Tensors.Add(DraftTensor.Of("1", [1f, 2, 3, 4], 2, 2));
        _draft.Add("Identity", ["a.norm.weight"], ["b.norm.weight"]);
        _draft.Add("Mul", ["x", "b.norm.weight"], ["y"]);
        _draft.Add("MatMul", ["y", "1"], ["z"], "/a/dense/MatMul");
        _draft.Add("MatMul", ["z", "1"], ["w"], "/b/dense/MatMul");

        Holds(
            ("a.dense.weight", [2, 2], [1, 3, 2, 4]), ("a.norm.weight", [2], [1, 1]),
            ("b.dense.weight", [2, 2], [1, 3, 2, 4]), ("b.norm.weight", [2], [1, 1]));
    }

    [TestMethod]
    [DataRow(1, new[] { 2L, 3 }, new[] { 1f, 2, 3, 4, 5, 6 })]
    [DataRow(0, new[] { 3L, 2 }, new[] { 1f, 4, 2, 5, 3, 6 })]
    public void A_Gemm_tells_whether_its_matrix_is_transposed(int isOutIn, long[] shape, float[] numbers)
    {
        _draft.Tensors.Add(DraftTensor.Of("pooler.dense.weight", Six, 2, 3));
        _draft.Tensors.Add(DraftTensor.Of("5", [7f, 8], 2));
        _draft.Add("Gemm", ["x", "pooler.dense.weight", "5"], ["y"], "/pooler/dense/Gemm").With("transB", isOutIn);

        Holds(("pooler.dense.bias", [2], [7, 8]), ("pooler.dense.weight", shape, numbers));
    }

    [TestMethod]
    public void A_matrix_that_the_graph_transposes_has_its_own_name_and_order()
    {
        _draft.Tensors.Add(DraftTensor.Of("dense.weight", Six, 2, 3));
        _draft.Tensors.Add(DraftTensor.Of("other.weight", Six, 2, 3));
        _draft.Add("Transpose", ["dense.weight"], ["val_0"]).With("perm", [1, 0]);
        _draft.Add("MatMul", ["x", "val_0"], ["y"]);
        _draft.Add("FusedMatMul", ["y", "other.weight"], ["z"], domain: "com.microsoft").With("transB", 1);

        Holds(("dense.weight", [2, 3], Six), ("other.weight", [2, 3], Six));
    }

    [TestMethod]
    public void Constant_nodes_hold_weights_as_well()
    {
        _draft.Tensors.Add(DraftTensor.Of("dense.bias", [7f, 8, 9], 3));
        _draft.Add("Constant", [], ["/dense/Constant_output_0"]).With("value", DraftTensor.Of("", Six, 2, 3));
        _draft.Add("MatMul", ["x", "/dense/Constant_output_0"], ["product"]);
        _draft.Add("Add", ["product", "dense.bias"], ["y"]);

        Holds(("dense.bias", [3], [7, 8, 9]), ("dense.weight", [3, 2], SixTransposed));
    }

    [TestMethod]
    public void A_table_that_is_a_head_as_well_is_listed_once()
    {
        _draft.Tensors.Add(DraftTensor.Of("word_embeddings.weight", Six, 3, 2));
        _draft.Add("Gather", ["word_embeddings.weight", "ids"], ["x"]);
        _draft.Add("Transpose", ["word_embeddings.weight"], ["transposed"]).With("perm", [1, 0]);
        _draft.Add("MatMul", ["x", "transposed"], ["y"]);

        Holds(("word_embeddings.weight", [3, 2], Six));
    }

    [TestMethod]
    public void A_matrix_that_nothing_names_is_listed_under_its_name_in_the_graph()
    {
        _draft.Tensors.Add(DraftTensor.Of("onnx::MatMul_7", Six, 2, 3));
        _draft.Add("MatMul", ["x", "onnx::MatMul_7"], ["y"], "MatMul_34");

        Holds(("onnx::MatMul_7", [3, 2], SixTransposed));
    }

    [TestMethod]
    public void A_node_names_nothing_after_what_has_that_name_already()
    {
        _draft.Tensors.Add(DraftTensor.Of("dense.weight", Six, 2, 3));
        _draft.Tensors.Add(DraftTensor.Of("dense.bias", [1f, 2, 3], 3));
        _draft.Tensors.Add(DraftTensor.Of("1", [4f, 5, 6], 3));
        _draft.Tensors.Add(DraftTensor.Of("2", [1f, 2, 3, 4, 5, 6, 7, 8, 9], 3, 3));
        _draft.Add("MatMul", ["x", "dense.weight"], ["product"], "/dense/MatMul");
        _draft.Add("Add", ["product", "dense.bias"], ["sum"], "/dense/Add");
        _draft.Add("Add", ["sum", "1"], ["again"], "/dense/Add_1");
        _draft.Add("MatMul", ["again", "2"], ["y"], "/dense/MatMul_1");

        Holds(("2", [3, 3], [1, 4, 7, 2, 5, 8, 3, 6, 9]), ("dense.bias", [3], [1, 2, 3]), ("dense.weight", [3, 2], SixTransposed));
    }

    [TestMethod]
    public void Parameters_that_no_node_explains_are_as_they_are_stored()
    {
        _draft.Tensors.Add(DraftTensor.Of("encoder.rel_embeddings.weight", Six, 2, 3));
        _draft.Tensors.Add(DraftTensor.Of("self.q_bias", [1f, 2], 2));
        _draft.Tensors.Add(DraftTensor.Of("embeddings.position_ids", [0L, 1], 1, 2));
        _draft.Tensors.Add(DraftTensor.Of("encoder.Constant", [1f]));
        _draft.Tensors.Add(DraftTensor.Of("/encoder/Constant_output_0", [1f, 2], 2));
        _draft.Add("Slice", ["encoder.rel_embeddings.weight", "a", "b"], ["y"]);

        using var model = _reading.Open(_draft);
        CollectionAssert.AreEqual(
            (string[])["embeddings.position_ids I64 [1, 2]", "encoder.rel_embeddings.weight F32 [2, 3]", "self.q_bias F32 [2]"],
            OnnxReading.List(model));
    }

    [TestMethod]
    public void Products_of_activations_and_scalars_are_no_weights()
    {
        _draft.Tensors.Add(DraftTensor.Of("1", [8f]));
        _draft.Tensors.Add(DraftTensor.Of("2", [8f], 1));
        _draft.Tensors.Add(DraftTensor.Of("3", [0L, 1], 2));
        _draft.Add("MatMul", ["q", "k"], ["scores"], "/encoder/layer.0/attention/self/MatMul");
        _draft.Add("Mul", ["scores", "1"], ["a"], "/encoder/layer.0/attention/self/Mul");
        _draft.Add("Add", ["a", "2"], ["b"], "/encoder/layer.0/attention/self/Add");
        _draft.Add("Gather", ["shape", "3"], ["c"], "/encoder/Gather");

        Holds();
    }

    private void Holds(params (string Name, long[] Shape, float[] Numbers)[] expected) => _reading.Holds(_draft, expected);
}
