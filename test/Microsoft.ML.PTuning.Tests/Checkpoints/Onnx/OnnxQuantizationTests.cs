namespace Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;

/// <summary>Weights of whole numbers, in the forms that quantisers write.</summary>
[TestClass]
public sealed class OnnxQuantizationTests : IDisposable
{
    /// <summary><c>[in, out]</c>: 2 rows, 3 columns.</summary>
    private static readonly sbyte[] Matrix = [1, 2, 3, -4, -5, 127];

    /// <summary><c>[out, in]</c>, with scales 0.5, 1, 2 and zero points 1, 0, -1 of the columns above.</summary>
    private static readonly float[] PerChannel = [0, -2.5f, 2, -5, 8, 256];

    /// <summary><c>[out, in]</c>, with a scale of 0.5 and no zero point.</summary>
    private static readonly float[] PerTensor = [0.5f, -2, 1, -2.5f, 1.5f, 63.5f];

    private readonly OnnxDraft _draft = new();
    private readonly OnnxReading _reading = new();

    public void Dispose() => _reading.Dispose();

    [TestMethod]
    [DataRow(1)]
    [DataRow(-1)]
    public void Scales_per_channel_follow_the_axis(int axis)
    {
        AddMatrix();
        _draft.Add("DequantizeLinear", ["dense.weight_quantized", "scales", "zeros"], ["w"]).With("axis", axis);
        _draft.Add("MatMul", ["x", "w"], ["y"]);

        Holds(PerChannel);
    }

    [TestMethod]
    public void Scales_per_channel_follow_a_matrix_that_is_transposed_before()
    {
        AddMatrix();
        _draft.Add("Transpose", ["dense.weight_quantized"], ["transposed"]).With("perm", [1, 0]);
        _draft.Add("DequantizeLinear", ["transposed", "scales", "zeros"], ["w"]).With("axis", 0);
        _draft.Add("Gemm", ["x", "w"], ["y"]).With("transB", 1);

        Holds(PerChannel);
    }

    [TestMethod]
    public void Scales_per_channel_follow_a_matrix_that_is_transposed_after()
    {
        AddMatrix();
        _draft.Add("DequantizeLinear", ["dense.weight_quantized", "scales", "zeros"], ["w"]).With("axis", 1);
        _draft.Add("Transpose", ["w"], ["transposed"]);
        _draft.Add("Gemm", ["x", "transposed"], ["y"]).With("transB", 1);

        Holds(PerChannel);
    }

    [TestMethod]
    public void A_matrix_without_zero_point_is_around_zero()
    {
        AddMatrix();
        _draft.Add("DequantizeLinear", ["dense.weight_quantized", "scale"], ["w"]);
        _draft.Add("MatMul", ["x", "w"], ["y"]);

        Holds(PerTensor);
    }

    [TestMethod]
    public void The_scale_of_a_dynamic_product_is_found_after_it()
    {
        AddMatrix();
        _draft.Add("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"]);
        _draft.Add("MatMulInteger", ["xq", "dense.weight_quantized", "xz", "zeros"], ["product"]);
        _draft.Add("Cast", ["product"], ["cast"]).With("to", 1);
        _draft.Add("Mul", ["xs", "scales"], ["both"]);
        _draft.Add("Mul", ["cast", "both"], ["y"]);

        Holds(PerChannel);
    }

    [TestMethod]
    public void The_scales_of_a_dynamic_product_may_come_one_after_the_other()
    {
        AddMatrix();
        _draft.Add("MatMulInteger", ["xq", "dense.weight_quantized", "xz"], ["product"]);
        _draft.Add("Cast", ["product"], ["cast"]).With("to", 1);
        _draft.Add("Mul", ["xs", "cast"], ["a"]);
        _draft.Add("Mul", ["scale", "a"], ["y"]);

        Holds(PerTensor);
    }

    [TestMethod]
    public void A_dynamic_product_without_a_name_is_named_by_the_bias_after_its_scale()
    {
        AddMatrix("onnx::MatMul_4_quantized");
        _draft.Tensors.Add(DraftTensor.Of("dense.bias", [1f, 2, 3], 3));
        _draft.Add("MatMulInteger", ["xq", "onnx::MatMul_4_quantized", "xz", "zeros"], ["product"]);
        _draft.Add("Cast", ["product"], ["cast"]).With("to", 1);
        _draft.Add("Mul", ["xs", "scales"], ["both"], "/other/MatMul_quant_scales_mul");
        _draft.Add("Mul", ["cast", "both"], ["y"], "/other/MatMul_quant_output_scale_mul");
        _draft.Add("Add", ["dense.bias", "y"], ["z"]);

        _reading.Holds(_draft, ("dense.bias", [3], [1, 2, 3]), ("dense.weight", [3, 2], PerChannel));
    }

    [TestMethod]
    public void Products_of_ONNX_Runtime_bring_scale_and_bias()
    {
        AddMatrix("1");
        _draft.Tensors.Add(DraftTensor.Of("dense.bias", [1f, 2, 3], 3));
        _draft.Add("DynamicQuantizeMatMul", ["x", "1", "scales", "zeros", "dense.bias"], ["y"], domain: "com.microsoft");

        _reading.Holds(_draft, ("dense.bias", [3], [1, 2, 3]), ("dense.weight", [3, 2], PerChannel));
    }

    [TestMethod]
    [DataRow("MatMulIntegerToFloat", "com.microsoft", new[] { "xq", "dense.weight_quantized", "xs", "scales", "xz", "zeros" })]
    [DataRow("QLinearMatMul", "", new[] { "xq", "xs", "xz", "dense.weight_quantized", "scales", "zeros", "ys", "yz" })]
    public void Other_products_of_whole_numbers_bring_their_scale(string @operator, string domain, string[] inputs)
    {
        AddMatrix();
        _draft.Add(@operator, inputs, ["y"], domain: domain);

        Holds(PerChannel);
    }

    [TestMethod]
    public void A_table_is_read_with_the_scale_of_its_rows()
    {
        _draft.Tensors.Add(DraftTensor.Of("embeddings.weight_quantized", [0, 255, 128, 130], 2, 2));
        _draft.Tensors.Add(DraftTensor.Of("embeddings.weight_scale", [0.5f]));
        _draft.Tensors.Add(DraftTensor.Of("embeddings.weight_zero_point", (byte[])[128]));
        _draft.Add("Gather", ["embeddings.weight_quantized", "ids"], ["rows"]);
        _draft.Add("DequantizeLinear", ["rows", "embeddings.weight_scale", "embeddings.weight_zero_point"], ["x"]);

        _reading.Holds(_draft, ("embeddings.weight", [2, 2], [-64, 63.5f, 0, 1]));
    }

    [TestMethod]
    public void A_bias_of_32_bits_is_read_with_its_scale()
    {
        _draft.Tensors.Add(DraftTensor.Of("dense.bias_quantized", [1 << 20, -3], 2));
        _draft.Tensors.Add(DraftTensor.Of("dense.bias_quantized_scale", [0.25f]));
        _draft.Add("DequantizeLinear", ["dense.bias_quantized", "dense.bias_quantized_scale"], ["dense.bias_DequantizeLinear_Output"]);
        _draft.Add("Add", ["x", "dense.bias_DequantizeLinear_Output"], ["y"]);

        _reading.Holds(_draft, ("dense.bias", [2], [262144, -0.75f]));
    }

    [TestMethod]
    public void Weights_that_no_product_takes_are_dequantised_too()
    {
        _draft.Tensors.Add(DraftTensor.Of("conv.weight_quantized", (sbyte[])[1, 2, 3, 4], 2, 1, 2));
        _draft.Tensors.Add(DraftTensor.Of("conv.weight_scale", [1f, 10], 2));
        _draft.Tensors.Add(DraftTensor.Of("conv.weight_zero_point", (sbyte[])[0, 0], 2));
        _draft.Add("DequantizeLinear", ["conv.weight_quantized", "conv.weight_scale", "conv.weight_zero_point"], ["w"]).With("axis", 0);
        _draft.Add("Conv", ["x", "w"], ["y"]);

        _reading.Holds(_draft, ("conv.weight", [2, 1, 2], [1, 2, 30, 40]));
    }

    [TestMethod]
    public void A_product_of_whole_numbers_without_a_scale_is_refused()
    {
        AddMatrix();
        _draft.Add("MatMulInteger", ["xq", "dense.weight_quantized", "xz", "zeros"], ["product"]);

        _reading.RefusesBecause(_draft, "the scale of 'dense.weight_quantized' (I8 [2, 3])", "quantise the model with onnxruntime");
    }

    [TestMethod]
    public void Scales_for_another_number_of_channels_are_refused()
    {
        AddMatrix();
        _draft.Add("DequantizeLinear", ["dense.weight_quantized", "scales", "zeros"], ["w"]).With("axis", 0);
        _draft.Add("MatMul", ["x", "w"], ["y"]);

        _reading.RefusesBecause(_draft, "the scale 'scales' (F32 [3]) does not fit axis 0 of 'dense.weight_quantized' (I8 [2, 3])");
    }

    [TestMethod]
    public void Zero_points_for_another_number_of_channels_than_the_scale_are_refused()
    {
        AddMatrix();
        _draft.Add("DequantizeLinear", ["dense.weight_quantized", "scale", "zeros"], ["w"]);
        _draft.Add("MatMul", ["x", "w"], ["y"]);

        _reading.RefusesBecause(_draft, "the zero point 'zeros' (I8 [3])", "does not fit its scale 'scale' (F32 [])");
    }

    private void AddMatrix(string name = "dense.weight_quantized")
    {
        _draft.Tensors.Add(DraftTensor.Of(name, Matrix, 2, 3));
        _draft.Tensors.Add(DraftTensor.Of("scale", [0.5f]));
        _draft.Tensors.Add(DraftTensor.Of("scales", [0.5f, 1, 2], 3));
        _draft.Tensors.Add(DraftTensor.Of("zeros", (sbyte[])[1, 0, -1], 3));
    }

    private void Holds(float[] numbers) => _reading.Holds(_draft, ("dense.weight", [3, 2], numbers));
}
