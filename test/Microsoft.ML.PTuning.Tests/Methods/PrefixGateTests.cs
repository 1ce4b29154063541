using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Backbones.Families;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Methods;

/// <summary>A factor on the attention that a prefix gets.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class PrefixGateTests
{
    private static readonly EncodedRow[] Rows = [new([2, 9, 8, 7, 3, 11, 3], [0, 0, 0, 0, 0, 1, 1]), new([2, 6, 3], [0, 0, 0])];

    private readonly Draw _draw = new();

    public static IEnumerable<object[]> Families =>
        from family in new[] { "bert", "electra", "distilbert", "albert", "roberta", "deberta", "deberta-v2", "deberta-v3", "gpt2", "glm", "chatglm" }
        select new object[] { family };

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Closed_gate_gives_the_encoder_without_a_prefix(string family) => InF64(family, (backbone, batch, prefix) =>
        Numbers.AreClose(backbone.Forward(batch), Forward(backbone, batch, prefix, gate: 0), absolute: 1e-12, relative: 0));

    /// <summary>A key that stands there twice counts twice.</summary>
    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Gate_of_2_gives_what_the_prefix_written_twice_gives(string family) => InF64(family, (backbone, batch, prefix) =>
        Numbers.AreClose(Forward(backbone, batch, cat([prefix, prefix], 0), gate: null), Forward(backbone, batch, prefix, gate: 2), absolute: 1e-12, relative: 0));

    [TestMethod]
    [DataRow(0.0)]
    [DataRow(0.7)]
    public void Gradient_is_the_slope_of_the_loss(double gate)
    {
        using var scope = NewDisposeScope();
        var attention = new Attention(_draw);
        var gates = tensor(gate, ScalarType.Float64).expand(2).clone().requires_grad_();

        attention.Loss(PrefixGate.Log(gates)).backward();

        const double Step = 1e-6;
        var slope = (Value(gate + Step) - Value(gate)) / Step;
        Assert.AreEqual(slope, gates.grad!.sum().item<double>(), 1e-5 * Math.Abs(slope));

        double Value(double g) => attention.Loss(PrefixGate.Log(tensor(g, ScalarType.Float64).expand(2))).item<double>();
    }

    [TestMethod]
    public void Gate_below_0_is_closed_and_can_open_again()
    {
        using var scope = NewDisposeScope();
        var attention = new Attention(_draw);
        Tensor closed = zeros(2, ScalarType.Float64).requires_grad_(), below = full(2, -0.5, ScalarType.Float64).requires_grad_();

        var (ofClosed, ofBelow) = (attention.Loss(PrefixGate.Log(closed)), attention.Loss(PrefixGate.Log(below)));
        ofClosed.backward();
        ofBelow.backward();

        Assert.AreEqual(ofClosed.item<double>(), ofBelow.item<double>());
        Numbers.AreClose(closed.grad!, below.grad!, absolute: 0, relative: 1e-12);
        Assert.AreNotEqual(0, closed.grad!.abs().max().item<double>(), 1e-3);
    }

    [TestMethod]
    public void Models_with_and_without_gates_share_a_batch()
    {
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = checkpoint.Load();
        using var scope = NewDisposeScope();
        DeepPrefix gated = Method(3, gate: true), plain = Method(2, gate: false);
        using TrainedTensors first = Tensors(Prefix(backbone, 3), gate: 0.3), second = Tensors(Prefix(backbone, 2), gate: null);
        var batch = EncodedRow.Collate(Rows, padId: 1, CPU);

        var together = backbone.Forward(batch, gated.Stack(backbone, [new(gated, first, Rows: 1), new(plain, second, Rows: 1)]));

        Numbers.AreClose(backbone.Forward(batch, gated.Tune(backbone, first, 2, dropout: null))[0], together[0], absolute: 1e-5);
        Numbers.AreClose(backbone.Forward(batch, plain.Tune(backbone, second, 2, dropout: null))[1], together[1], absolute: 1e-5);
    }

    [TestMethod]
    public void Gates_are_cut_with_their_layers()
    {
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = checkpoint.Load(); // 3 layers of 2 heads.
        using var scope = NewDisposeScope();
        using TrainedTensors tensors = new() { { TrainedTensors.Prefix, Prefix(backbone, 3) }, { TrainedTensors.PrefixGate, _draw.Normal(3, 2) } };

        var (method, kept) = Method(3, gate: true).Keep(backbone, tensors, positions: [0, 2], layers: [0, 2]);

        using (kept)
        {
            CollectionAssert.AreEqual(method.Declare(backbone).Select(tensor => tensor.Name).ToArray(), kept.Names.ToArray());
            Assert.IsTrue(kept[TrainedTensors.PrefixGate].equal(tensors[TrainedTensors.PrefixGate].index_select(0, tensor([0L, 2L]))).all().item<bool>());
        }
    }

    [TestMethod]
    public void Model_with_a_gate_is_no_start_for_one_without()
    {
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = checkpoint.Load();

        CollectionAssert.Contains(Method(3, gate: true).DifferencesFrom(Method(3, gate: false), backbone).ToArray(), "PrefixGate is True, expected False");
    }

    private void InF64(string family, Action<Backbone, EncodedBatch, Tensor> test)
    {
        using var golden = family switch
        {
            "glm" => GlmBackboneTests.Open("glm.blank-infilling"),
            "chatglm" => GlmBackboneTests.Open("chatglm.lm"),
            _ => new GoldenEncoder(Path.Combine(GoldenFiles.Root, "backbones", family), "param."),
        };
        using var weights = golden.InF64();
        using var scope = NewDisposeScope();
        test(weights.Backbone, golden.Batch, Prefix(weights.Backbone, 3).to(ScalarType.Float64));
    }

    private static DeepPrefix Method(int length, bool gate) => new() { PrefixLength = length, PositionOffset = PositionOffset.None, Gate = gate };

    private static Tensor Forward(Backbone backbone, EncodedBatch batch, Tensor prefix, double? gate)
    {
        using var tensors = Tensors(prefix, gate);
        return backbone.Forward(batch, Method((int)prefix.size(0), gate is not null).Tune(backbone, tensors, batch.Rows, dropout: null));
    }

    private static TrainedTensors Tensors(Tensor prefix, double? gate)
    {
        var tensors = new TrainedTensors { { TrainedTensors.Prefix, prefix.alias() } };
        if (gate is { } value)
            tensors.Add(TrainedTensors.PrefixGate, full([prefix.size(1), prefix.size(3)], value, prefix.dtype));
        return tensors;
    }

    private Tensor Prefix(Backbone backbone, int length) => _draw.Normal(Method(length, gate: false).ShapeFor(backbone).Dimensions);

    /// <summary>One row of two heads, and a loss that weighs its context.</summary>
    private sealed class Attention(Draw draw)
    {
        private readonly Tensor _q = Draw(draw, 1, 2, 4, 3), _k = Draw(draw, 1, 2, 5, 3), _v = Draw(draw, 1, 2, 5, 3), _weights = Draw(draw, 1, 2, 4, 3);

        private readonly Tensor _keys = Draw(draw, 2, 2, 3), _values = Draw(draw, 2, 2, 3); // [P, h, D]

        public Tensor Loss(Tensor logGate) =>
            (PrefixedAttention.Attend(_q, _k, _v, new LayerPrefix(_keys, _values, LogGate: logGate), mask: null) * _weights).sum();

        private static Tensor Draw(Draw draw, params long[] shape) => draw.Normal(shape).to(ScalarType.Float64);
    }
}
