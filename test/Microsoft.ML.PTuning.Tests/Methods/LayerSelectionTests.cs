using System.Text.Json;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Methods;

[TestClass]
public sealed class LayerSelectionTests
{
    [TestMethod]
    [DataRow("0", "0,1,2,3,4,5", "0")]
    [DataRow("2", "4,5", "2")]
    [DataRow("0-2", "0,1,2", "[0,1,2]")]
    [DataRow("4-4", "4", "[4]")]
    [DataRow("0,2,5", "0,2,5", "[0,2,5]")]
    public void Selection_is_read_written_and_saved(string text, string ofSixLayers, string json)
    {
        var selection = LayerSelection.Parse(text);

        Assert.AreEqual(ofSixLayers, string.Join(',', selection.In(6)));
        Assert.AreEqual(text, selection.ToString());
        Assert.AreEqual(json, JsonSerializer.Serialize(selection));
        Assert.AreEqual(selection, JsonSerializer.Deserialize<LayerSelection>(json));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("-1")]
    [DataRow("2-1")]
    [DataRow("1,1")]
    [DataRow("top")]
    public void Text_that_selects_no_layers_is_refused(string text) =>
        Assert.Contains("selects no layers", Assert.ThrowsExactly<FormatException>(() => LayerSelection.Parse(text)).Message);

    [TestMethod]
    public void Orders_are_one_selection() => Assert.AreEqual(LayerSelection.Of(5, 0, 2), LayerSelection.Of(0, 2, 5));

    [TestMethod]
    public void Layers_that_the_encoder_lacks_do_not_fit()
    {
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = Backbone.Load(checkpoint.Path, CPU);
        var layers = backbone.Configuration.Layers;

        var misfit = new DeepPrefix { PrefixLength = 1, PrefixLayers = LayerSelection.Of(0, layers) }.FindMisfit(backbone, maxLength: 4);

        Assert.Contains($"PrefixLayers is 0,{layers}, but the backbone has the layers 0 to {layers - 1}", misfit!);
    }

    /// <summary>A prefix in some layers is one in all, whose other layers have no prefix.</summary>
    [TestMethod]
    public void Selected_layers_alone_have_a_prefix()
    {
        using var checkpoint = new TinyCheckpoint().Save();
        using var backbone = Backbone.Load(checkpoint.Path, CPU);
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var all = new DeepPrefix { PrefixLength = 2 };
        var some = new DeepPrefix { PrefixLength = 2, PrefixLayers = LayerSelection.Of(1) };
        var prefix = randn(all.ShapeFor(backbone).Dimensions, generator: generator);
        using var ofAll = new TrainedTensors();
        using var ofSome = new TrainedTensors();
        ofAll.Add(TrainedTensors.Prefix, prefix);
        ofSome.Add(TrainedTensors.Prefix, prefix.narrow(1, 1, 1).clone());

        var expected = all.Tune(backbone, ofAll, rows: 1, dropout: null).Prefixes!;
        var found = some.Tune(backbone, ofSome, rows: 1, dropout: null).Prefixes!;

        for (var layer = 0; layer < backbone.Configuration.Layers; layer++)
        {
            Assert.AreEqual(layer == 1, found[layer] is not null);
            if (found[layer] is { } own)
                Assert.IsTrue(own.Keys.equal(expected[layer]!.Keys).all().item<bool>());
        }
    }
}
