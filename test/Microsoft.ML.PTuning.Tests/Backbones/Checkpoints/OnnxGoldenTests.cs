using Microsoft.ML.PTuning.Tests.Backbones.Checkpoints.Onnx;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones.Checkpoints;

/// <summary>Exported encoders, read by us and run by us, against transformers and against ONNX Runtime, which runs the same files.</summary>
[TestClass]
public sealed class OnnxGoldenTests
{
    public TestContext TestContext { get; set; } = null!;

    public static IEnumerable<object[]> Names => GoldenOnnx.Names;

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void An_export_gives_the_hidden_states_of_the_reference(string name) => Compare(name, rewrite: null, golden => golden.Expected);

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void F32_gives_the_hidden_states_of_ONNX_Runtime(string name) => Compare(name, rewrite: null);

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void F16_gives_the_hidden_states_of_ONNX_Runtime(string name) => Compare(name, draft => draft.Cast(tensor => tensor.AsHalf()));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void BF16_gives_the_hidden_states_of_ONNX_Runtime(string name) => Compare(name, draft => draft.Cast(tensor => tensor.AsBFloat16()));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Int8_of_one_scale_gives_the_hidden_states_of_ONNX_Runtime(string name) =>
        Compare(name, draft => draft.Quantized(isPerChannel: false, isSigned: true));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Int8_of_a_scale_a_channel_gives_the_hidden_states_of_ONNX_Runtime(string name) =>
        Compare(name, draft => draft.Quantized(isPerChannel: true, isSigned: true));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Uint8_with_a_zero_point_a_channel_gives_the_hidden_states_of_ONNX_Runtime(string name) =>
        Compare(name, draft => draft.Quantized(isPerChannel: true, isSigned: false));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void F16_in_which_ONNX_Runtime_calculates_as_well_is_as_near_as_its_rounding(string name) =>
        Compare(name, draft => draft.InHalf(), exactly: draft => draft.Cast(tensor => tensor.AsHalf()));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Dynamic_int8_of_one_scale_is_as_near_as_ONNX_Runtime_rounds_activations(string name) =>
        Compare(name, draft => draft.DynamicallyQuantized(isPerChannel: false), exactly: draft => draft.QuantizedAlike(isPerChannel: false));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Dynamic_int8_of_a_scale_a_channel_is_as_near_as_ONNX_Runtime_rounds_activations(string name) =>
        Compare(name, draft => draft.DynamicallyQuantized(isPerChannel: true), exactly: draft => draft.QuantizedAlike(isPerChannel: true));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void An_export_without_names_gives_the_hidden_states_of_the_reference(string name) =>
        Compare(name, draft => draft.WithoutNames(), golden => golden.Expected);

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Constant_nodes_give_the_hidden_states_of_ONNX_Runtime(string name) => Compare(name, draft => draft.WithConstantNodes());

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Typed_fields_give_the_hidden_states_of_ONNX_Runtime(string name) => Compare(name, draft => draft.InFields(isPacked: true));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Weights_in_a_file_beside_the_model_give_the_hidden_states_of_ONNX_Runtime(string name)
    {
        using var golden = new GoldenOnnx(name, (draft, folder) => draft.InFile(Path.Combine(folder, "model.onnx_data")), "onnx/model.onnx");
        Compare(golden, golden.Judge());
    }

    private void Compare(string name, Func<OnnxDraft, OnnxDraft>? rewrite, Func<GoldenOnnx, Tensor>? expected = null)
    {
        using var golden = new GoldenOnnx(name, rewrite);
        using var scope = NewDisposeScope();
        Compare(golden, expected?.Invoke(golden) ?? golden.Judge());
    }

    /// <summary>
    /// The graph rounds what it calculates, which we do not: so it is as far from us as from the same weights in a graph that does not round either,
    /// from which we are no farther than F32 rounds.
    /// </summary>
    private void Compare(string name, Func<OnnxDraft, OnnxDraft> rewrite, Func<OnnxDraft, OnnxDraft> exactly)
    {
        using var exact = new GoldenOnnx(name, exactly);
        using var golden = new GoldenOnnx(name, rewrite);
        using var scope = NewDisposeScope();
        var (theirs, ours) = (golden.Judge(), golden.Forward());
        Numbers.AreClose(exact.Forward(), ours, absolute: 0, relative: 0);

        Report(golden, theirs, ours);
        var rounding = (exact.Judge() - theirs).abs().max().item<float>();
        Numbers.AreClose(theirs, ours, rounding + Rounding(golden));
    }

    private void Compare(GoldenOnnx golden, Tensor theirs)
    {
        var ours = golden.Forward();
        Report(golden, theirs, ours);
        Numbers.AreClose(theirs, ours, Rounding(golden));
    }

    private static double Rounding(GoldenOnnx golden) => golden.Name == "distilbert" ? BackboneGoldenTests.DistilBertNoise : 1e-6;

    private void Report(GoldenOnnx golden, Tensor theirs, Tensor ours)
    {
        var line = $"{golden.Name}: {(theirs - ours).abs().max().item<float>():E1} of {theirs.abs().max().item<float>():F1}";
        TestContext.WriteLine(line);
        File.AppendAllText("/tmp/onnx/diffs.txt", $"{TestContext.TestName} {line}\n");
    }
}
