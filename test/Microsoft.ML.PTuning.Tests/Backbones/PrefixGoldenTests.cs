using Microsoft.ML.PTuning.Backbones;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>Encoders with a prefix in every layer against what the official P-tuning v2 models computed.</summary>
[TestClass]
public sealed class PrefixGoldenTests
{
    [TestMethod]
    [DataRow("bert.sequence-classification")]
    [DataRow("bert.token-classification")]
    [DataRow("roberta.sequence-classification")]
    [DataRow("roberta.token-classification")]
    public void Forward_with_a_prefix_gives_the_official_logits(string name)
    {
        using var golden = Open(name);
        using var scope = NewDisposeScope();

        Numbers.AreClose(golden.Tensors["expect.logits"], Logits(golden, golden.Tensors["init.prefix_encoder.embedding.weight"]));
    }

    [TestMethod]
    [DataRow("bert.sequence-classification")]
    [DataRow("roberta.sequence-classification")]
    public void Backward_gives_the_prefix_the_official_gradient(string name)
    {
        using var golden = Open(name);
        using var scope = NewDisposeScope();
        var flat = golden.Tensors["init.prefix_encoder.embedding.weight"].clone().requires_grad_();

        functional.cross_entropy(Logits(golden, flat), golden.Tensors["input.labels"]).backward();

        var expected = golden.Tensors["expect.grad.prefix_encoder.embedding.weight"];
        Numbers.AreClose(expected, flat.grad!, absolute: 1e-5 * expected.abs().max().item<float>(), relative: 0);
    }

    private static GoldenEncoder Open(string name)
    {
        var path = Path.Combine(GoldenFiles.Root, "official", name);
        if (!File.Exists($"{path}.safetensors"))
            throw new AssertInconclusiveException($"There is no '{path}.safetensors'; PTUNING_GOLDEN names another folder of golden vectors.");
        return new GoldenEncoder(path, "init.", isEncoder: weight => !weight.StartsWith("prefix_encoder.", StringComparison.Ordinal));
    }

    private static Tensor Logits(GoldenEncoder golden, Tensor flat)
    {
        var configuration = golden.Backbone.Configuration;
        var length = flat.size(0);
        var layers = flat.view(length, configuration.Layers, 2, configuration.Heads, configuration.HeadSize).unbind(1); // L of [P, 2, h, D]
        LayerPrefix[] prefixes = [.. layers.Select(layer => new LayerPrefix(layer.select(1, 0), layer.select(1, 1)))];

        var hidden = golden.Backbone.Forward(golden.Batch, prefixes, positionOffset: (int)length);
        var features = golden.Backbone.HasPooler ? golden.Backbone.Pool(hidden) : hidden;
        return functional.linear(features, golden.Tensors["init.classifier.weight"], golden.Tensors["init.classifier.bias"]);
    }
}
