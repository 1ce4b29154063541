using System.Collections.Concurrent;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Checkpoints;

/// <summary>Encoders from ONNX files against transformers, and against ONNX Runtime running the same files.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class OnnxGoldenTests
{
    private static readonly ConcurrentDictionary<string, double> Movements = new();

    public TestContext TestContext { get; set; } = null!;

    public static IEnumerable<object[]> Exported => GoldenOnnx.Exported;

    public static IEnumerable<object[]> Names => GoldenOnnx.Names;

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void An_encoder_gives_the_hidden_states_of_the_reference(string name) => CompareWithReference(name, rewrite: null);

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void ONNX_Runtime_gives_the_hidden_states_of_the_reference(string name)
    {
        using var golden = new GoldenOnnx(name);
        using var scope = NewDisposeScope();

        Compare(golden, golden.Expected, golden.Judge(), rounded: 2);
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void F32_gives_the_hidden_states_of_ONNX_Runtime(string name) => CompareWithJudge(name, rewrite: null);

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void F16_gives_the_hidden_states_of_ONNX_Runtime(string name) => CompareWithJudge(name, draft => draft.Cast(tensor => tensor.AsHalf()));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void BF16_gives_the_hidden_states_of_ONNX_Runtime(string name) => CompareWithJudge(name, draft => draft.Cast(tensor => tensor.AsBFloat16()));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Int8_with_one_scale_gives_the_hidden_states_of_ONNX_Runtime(string name) =>
        CompareWithJudge(name, draft => draft.Quantized(isPerChannel: false, isSigned: true));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Int8_with_a_scale_per_channel_gives_the_hidden_states_of_ONNX_Runtime(string name) =>
        CompareWithJudge(name, draft => draft.Quantized(isPerChannel: true, isSigned: true));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Uint8_with_a_zero_point_per_channel_gives_the_hidden_states_of_ONNX_Runtime(string name) =>
        CompareWithJudge(name, draft => draft.Quantized(isPerChannel: true, isSigned: false));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void F16_arithmetic_of_ONNX_Runtime_differs_by_its_rounding(string name) =>
        CompareWithRounding(name, draft => draft.InHalf(), exactly: draft => draft.Cast(tensor => tensor.AsHalf()));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Dynamic_int8_with_one_scale_differs_by_the_rounding_of_activations(string name) =>
        CompareWithRounding(name, draft => draft.DynamicallyQuantized(isPerChannel: false), exactly: draft => draft.QuantizedAlike(isPerChannel: false));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Dynamic_int8_with_a_scale_per_channel_differs_by_the_rounding_of_activations(string name) =>
        CompareWithRounding(name, draft => draft.DynamicallyQuantized(isPerChannel: true), exactly: draft => draft.QuantizedAlike(isPerChannel: true));

    [TestMethod]
    [DynamicData(nameof(Exported))]
    public void An_export_without_names_gives_the_hidden_states_of_the_reference(string name) =>
        CompareWithReference(name, draft => draft.WithoutNames());

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Constant_nodes_give_the_hidden_states_of_ONNX_Runtime(string name) => CompareWithJudge(name, draft => draft.WithConstantNodes());

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Typed_fields_give_the_hidden_states_of_ONNX_Runtime(string name) => CompareWithJudge(name, draft => draft.InFields(isPacked: true));

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Weights_in_a_file_beside_the_model_give_the_hidden_states_of_ONNX_Runtime(string name)
    {
        using var golden = new GoldenOnnx(name, (draft, folder) => draft.InFile(Path.Combine(folder, "model.onnx_data")), "onnx/model.onnx");
        using var scope = NewDisposeScope();

        Compare(golden, golden.Judge(), golden.Forward(), rounded: 2);
    }

    private void CompareWithReference(string name, Func<OnnxDraft, OnnxDraft>? rewrite)
    {
        using var golden = new GoldenOnnx(name, rewrite);
        using var scope = NewDisposeScope();

        Compare(golden, golden.Expected, golden.Forward(), rounded: 1);
    }

    private void CompareWithJudge(string name, Func<OnnxDraft, OnnxDraft>? rewrite)
    {
        using var golden = new GoldenOnnx(name, rewrite);
        using var scope = NewDisposeScope();

        Compare(golden, golden.Judge(), golden.Forward(), rounded: 2);
    }

    /// <summary>
    /// The graph rounds its activations, we do not. The bound is how far ONNX Runtime's result for it is from its result for a graph that has the same
    /// weights and does not round.
    /// </summary>
    /// <param name="exactly">Gives the graph that does not round.</param>
    private void CompareWithRounding(string name, Func<OnnxDraft, OnnxDraft> rewrite, Func<OnnxDraft, OnnxDraft> exactly)
    {
        using var exact = new GoldenOnnx(name, exactly);
        using var golden = new GoldenOnnx(name, rewrite);
        using var scope = NewDisposeScope();
        var (theirs, ours) = (golden.Judge(), golden.Forward());

        Numbers.AreClose(exact.Forward(), ours, absolute: 0, relative: 0);
        Compare(golden, theirs, ours, rounded: 2, (exact.Judge() - theirs).abs().max().item<float>());
    }

    /// <param name="rounded">How many of the two may differ from exact states, each by the bound of the golden comparisons.</param>
    /// <param name="noise">A further difference that is allowed.</param>
    private void Compare(GoldenOnnx golden, Tensor theirs, Tensor ours, int rounded, double noise = 0)
    {
        TestContext.WriteLine($"{golden.Name}: {(theirs - ours).abs().max().item<float>():E1} of {theirs.abs().max().item<float>():F1}");
        Numbers.AreClose(theirs, ours, rounded * Math.Max(1e-6, MovementOf(golden)) + noise, rounded * 1e-5);
    }

    /// <summary>How far F32 may move the encoder's states, whatever processor rounds it.</summary>
    private static double MovementOf(GoldenOnnx golden) => Movements.GetOrAdd(golden.FileName, file =>
    {
        using var encoder = BackboneGoldenTests.Open(file);
        return ExactNumbers.Compute(encoder, weights => weights.Backbone.Forward(encoder.Batch)).Movement.Max();
    });
}
