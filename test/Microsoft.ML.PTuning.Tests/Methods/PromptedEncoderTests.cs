using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Methods;

[TestClass]
[TestCategory("Numeric")]
public sealed class PromptedEncoderTests
{
    private const int P = 4;

    private TinyCheckpoint _checkpoint = null!;
    private Backbone _backbone = null!;
    private IDisposable _scope = null!;

    [TestInitialize]
    public void Load()
    {
        _checkpoint = new TinyCheckpoint().Save();
        _backbone = _checkpoint.Load();
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Free()
    {
        _scope.Dispose();
        _backbone.Dispose();
        _checkpoint.Dispose();
    }

    [TestMethod]
    public void No_prefix_leaves_the_plain_encoder()
    {
        var encoder = new LinearProbe().Adapt(_backbone);

        AreEqual(_backbone.Forward(Batch()), encoder.Forward(Batch(), (Tensor?)null));
    }

    [TestMethod]
    [DataRow(PositionOffset.Prefix, P)]
    [DataRow(PositionOffset.None, 0)]
    public void Offset_says_where_the_text_begins(PositionOffset offset, int reserved)
    {
        var encoder = new DeepPrefix { PrefixLength = P, PositionOffset = offset }.Adapt(_backbone);
        var prefix = Prefix(encoder.PrefixShape());

        var expected = _backbone.RunLayers(_backbone.Embed(Batch(), reserved), Batch(), new(LayersOf(prefix)), 0, 3);

        Assert.AreEqual(reserved, encoder.ReservedPositions);
        AreEqual(expected, encoder.Forward(Batch(), prefix));
    }

    [TestMethod]
    public void Offsets_give_different_hidden_states()
    {
        var shifted = new DeepPrefix { PrefixLength = P, PositionOffset = PositionOffset.Prefix }.Adapt(_backbone);
        var plain = new DeepPrefix { PrefixLength = P, PositionOffset = PositionOffset.None }.Adapt(_backbone);
        var prefix = Prefix(plain.PrefixShape());

        Assert.IsFalse(shifted.Forward(Batch(), prefix).allclose(plain.Forward(Batch(), prefix)));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    public void Prefix_of_the_top_layers_leaves_the_layers_below_plain(int layers)
    {
        var encoder = new DeepPrefix { PrefixLength = P, PrefixLayers = layers, PositionOffset = PositionOffset.None }.Adapt(_backbone);
        var prefix = Prefix(encoder.PrefixShape());
        LayerPrefix?[] none = [.. Enumerable.Repeat<LayerPrefix?>(null, 3 - layers)];

        var below = _backbone.RunLayers(_backbone.Embed(Batch(), 0), Batch(), tuning: null, 0, 3 - layers);
        var expected = _backbone.RunLayers(below, Batch(), new([.. none, .. LayersOf(prefix)]), 3 - layers, 3);

        CollectionAssert.AreEqual(new long[] { P, layers, 2, 2, 4 }, prefix.shape);
        AreEqual(expected, encoder.Forward(Batch(), prefix));
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    public void Gradient_reaches_every_layer_of_the_prefix(int layers)
    {
        var encoder = new DeepPrefix { PrefixLength = P, PrefixLayers = layers }.Adapt(_backbone);
        var prefix = Prefix(encoder.PrefixShape()).requires_grad_();

        encoder.Forward(Batch(), prefix).square().sum().backward();

        // Not every key gets one: where a softmax is saturated, it is 0.
        Assert.IsTrue(prefix.grad!.abs().sum([0, 3, 4]).gt(0).all().item<bool>());
    }

    [TestMethod]
    public void Prefix_dropout_gives_every_row_a_mask_of_its_own()
    {
        var encoder = new DeepPrefix { PrefixLength = P }.Adapt(_backbone);
        var prefix = Prefix(encoder.PrefixShape());
        var same = EncodedRow.Collate([.. Enumerable.Repeat(new EncodedRow([2, 9, 8, 3], [0, 0, 0, 0]), 3)], padId: 0, CPU);
        using var generator = new Generator(1);

        var hidden = encoder.Forward(same, prefix, new Dropout(0.5, generator));

        Assert.IsFalse(hidden[0].allclose(hidden[1]));
        Assert.IsFalse(hidden[1].allclose(hidden[2]));
    }

    [TestMethod]
    public void Prefix_dropout_masks_keys_then_values_layer_by_layer()
    {
        var encoder = new DeepPrefix { PrefixLength = P }.Adapt(_backbone);
        var prefix = Prefix(encoder.PrefixShape());
        var batch = Batch();
        using var generator = new Generator(1);
        using var again = new Generator(1);
        Dropout dropout = new(0.5, generator), same = new(0.5, again);

        LayerPrefix[] masked = [.. Enumerable.Range(0, 3).Select(layer => new LayerPrefix(Masked(layer, 0), Masked(layer, 1)))];
        var expected = _backbone.Forward(batch, new(masked), P);

        AreEqual(expected, encoder.Forward(batch, prefix, dropout));

        Tensor Masked(int layer, int part) =>
            same.Apply(prefix.select(1, layer).select(1, part).transpose(0, 1).unsqueeze(0).expand(batch.Rows, -1, -1, -1)); // [B, h, P, D]
    }

    [TestMethod]
    public void Dropout_keeps_the_expectation()
    {
        using var generator = new Generator(1);

        var dropped = new Dropout(0.1, generator).Apply(ones(200_000));

        Assert.AreEqual(1, dropped.mean().item<float>(), 0.005);
        Assert.AreEqual(0.1, dropped.eq(0).to(ScalarType.Float32).mean().item<float>(), 0.005);
    }

    [TestMethod]
    public void Dropout_of_a_shared_prefix_has_a_mask_for_every_row()
    {
        using var generator = new Generator(1);

        var dropped = new Dropout(0.5, generator).Apply(ones(1, 1000).expand(2, 1000));

        Assert.IsFalse(dropped[0].allclose(dropped[1]));
    }

    [TestMethod]
    [DataRow(0, typeof(LinearProbe))]
    [DataRow(1, typeof(DeepPrefix))]
    public void Options_without_a_prefix_are_those_of_a_linear_probe(int prefixLength, Type method) =>
        Assert.AreEqual(method, new PTuningV2Trainer.MulticlassOptions { PrefixLength = prefixLength }.TrainedMethod.GetType());

    private static EncodedBatch Batch() =>
        EncodedRow.Collate([new([2, 9, 8, 7, 3], [0, 0, 0, 1, 1]), new([2, 6, 3], [0, 0, 0])], padId: 0, CPU);

    private static Tensor Prefix(PrefixShape shape)
    {
        using var generator = new Generator(3);
        return randn(shape.Dimensions, generator: generator);
    }

    private static LayerPrefix[] LayersOf(Tensor prefix) =>
        [.. prefix.unbind(1).Select(layer => new LayerPrefix(layer.select(1, 0), layer.select(1, 1)))];

    private static void AreEqual(Tensor expected, Tensor actual) => Numbers.AreClose(expected, actual, absolute: 0, relative: 0);
}
