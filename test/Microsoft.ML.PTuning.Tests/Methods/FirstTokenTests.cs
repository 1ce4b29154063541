using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Backbones.Families;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Methods;

/// <summary>The first token's hidden state where the last layer spares the others, against all hidden states. In F64, which hardly rounds.</summary>
[TestClass]
[TestCategory("Numeric")]
[DoNotParallelize]
public sealed class FirstTokenTests
{
    /// <summary>A million roundings of F64.</summary>
    private const double Exact = 1e-10;

    private static readonly EncodedRow[] Rows = [Row(2, 9, 8, 7, 6, 3), Row(2, 5, 11, 3), Row(2, 12, 3)];

    public static IEnumerable<object[]> Cases =>
        from family in new[] { "bert", "roberta", "electra", "distilbert", "albert", "deberta", "deberta-v2", "deberta-v3" }
        from prefixLength in new[] { 0, 3 }
        from rows in new[] { 1, 3 } // A row alone has no padding, and no mask.
        select new object[] { family, prefixLength, rows };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void State_and_gradients_are_those_among_all(string family, int prefixLength, int rows)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = Checkpoint(family, layers: 3);
        using var backbone = InF64(checkpoint);
        var batch = Batch(rows);
        var (ofAll, ofFirst) = (Prefixes(backbone, prefixLength), Prefixes(backbone, prefixLength));

        var expected = backbone.Forward(batch, ofAll).narrow(1, 0, 1);
        var actual = FirstToken(backbone, batch, ofFirst);

        CollectionAssert.AreEqual(expected.shape, actual.shape);
        Numbers.AreClose(expected, actual, absolute: Exact, relative: Exact);
        if (prefixLength == 0)
            return;
        expected.square().sum().backward();
        actual.square().sum().backward();
        foreach (var (all, first) in ofAll.Zip(ofFirst))
        {
            Numbers.AreClose(all!.Keys.grad!, first!.Keys.grad!, absolute: Exact, relative: Exact);
            Numbers.AreClose(all.Values.grad!, first.Values.grad!, absolute: Exact, relative: Exact);
        }
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("deberta-v2")] // Its convolution follows the layer that spares tokens.
    public void Single_layer_spares_the_others_too(string family)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = Checkpoint(family, layers: 1);
        using var backbone = InF64(checkpoint);
        var batch = Batch(3);

        var actual = FirstToken(backbone, batch, Prefixes(backbone, 3));

        Numbers.AreClose(backbone.Forward(batch, Prefixes(backbone, 3)).narrow(1, 0, 1), actual, absolute: Exact, relative: Exact);
    }

    /// <summary>Where something may be dropped, attention is spelled out.</summary>
    [TestMethod]
    [DataRow("bert")]
    [DataRow("deberta")]
    [DataRow("deberta-v2")]
    [DataRow("deberta-v3")]
    public void Dropout_of_nothing_changes_nothing(string family)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = Checkpoint(family, layers: 3);
        using var backbone = InF64(checkpoint);
        using var generator = new Generator(1);
        var batch = Batch(3);

        var actual = FirstToken(backbone, batch, Prefixes(backbone, 3), new Dropout(0, generator));

        Numbers.AreClose(backbone.Forward(batch, Prefixes(backbone, 3)).narrow(1, 0, 1), actual, absolute: Exact, relative: Exact);
    }

    [TestMethod]
    [DataRow("c2p")]
    [DataRow("p2c")]
    public void Positions_may_ask_or_be_asked_alone(string attention)
    {
        using var scope = NewDisposeScope();
        using var checkpoint = DebertaCheckpoints.Create("deberta-v3", configuration => configuration["pos_att_type"] = attention);
        using var backbone = InF64(checkpoint);
        var batch = Batch(3);

        var actual = FirstToken(backbone, batch, Prefixes(backbone, 3));

        Numbers.AreClose(backbone.Forward(batch, Prefixes(backbone, 3)).narrow(1, 0, 1), actual, absolute: Exact, relative: Exact);
    }

    private static Tensor FirstToken(Backbone backbone, EncodedBatch batch, LayerPrefix?[] prefixes, Dropout? dropout = null) =>
        backbone.RunLayers(
            backbone.Embed(batch, positionOffset: 0), batch, prefixes, 0, backbone.Configuration.Layers, dropout, sentenceTokenOnly: true);

    private static TinyCheckpoint Checkpoint(string family, int layers) => family.StartsWith("deberta", StringComparison.Ordinal)
        ? DebertaCheckpoints.Create(family, configuration => configuration["num_hidden_layers"] = layers)
        : new(family, bend: configuration => configuration[family == "distilbert" ? "n_layers" : "num_hidden_layers"] = layers);

    private static Backbone InF64(TinyCheckpoint checkpoint) => TypedEncoder.Load(checkpoint.Save().Path, ScalarType.Float64);

    private static EncodedBatch Batch(int rows) => EncodedRow.Collate(Rows[..rows], padId: 0, CPU);

    private static EncodedRow Row(params int[] ids) => new(ids, new int[ids.Length]);

    private static LayerPrefix?[] Prefixes(Backbone backbone, int length)
    {
        var configuration = backbone.Configuration;
        using var generator = new Generator(3);
        return [.. Enumerable.Range(0, configuration.Layers).Select(_ => length == 0 ? null : new LayerPrefix(Part(), Part()))];

        Tensor Part() => randn(length, configuration.Heads, configuration.HiddenSize / configuration.Heads, generator: generator).to(ScalarType.Float64).requires_grad_();
    }
}
