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
    [DataRow("deberta.sequence-classification")]
    [DataRow("deberta.token-classification")]
    public void Forward_with_a_prefix_gives_the_official_logits(string name)
    {
        using var golden = Open(name);
        using var scope = NewDisposeScope();

        Numbers.AreClose(golden.Tensors["expect.logits"], Logits(golden, golden.Tensors["init.prefix_encoder.embedding.weight"]));
    }

    /// <summary>The official DeBERTa v2 does not mask the embeddings of padding, as transformers does.</summary>
    [TestMethod]
    [DataRow("deberta-v2.token-classification")]
    public void Forward_with_a_prefix_gives_the_official_logits_of_real_tokens(string name)
    {
        using var golden = Open(name);
        using var scope = NewDisposeScope();
        var real = golden.Batch.Mask!.unsqueeze(-1);

        Numbers.AreClose(golden.Tensors["expect.logits"] * real, Logits(golden, golden.Tensors["init.prefix_encoder.embedding.weight"]) * real);
    }

    [TestMethod]
    [DataRow("bert.question-answering")]
    [DataRow("roberta.question-answering")]
    [DataRow("deberta.question-answering")]
    public void Forward_with_a_prefix_gives_the_official_logits_of_start_and_end(string name)
    {
        using var golden = Open(name);
        using var scope = NewDisposeScope();

        var logits = Logits(golden, golden.Tensors["init.prefix_encoder.embedding.weight"], head: "qa_outputs"); // [B, T, 2]

        Numbers.AreClose(golden.Tensors["expect.start_logits"], logits.select(-1, 0));
        Numbers.AreClose(golden.Tensors["expect.end_logits"], logits.select(-1, 1));
    }

    [TestMethod]
    [DataRow("bert.multiple-choice")]
    [DataRow("roberta.multiple-choice")]
    [DataRow("deberta.multiple-choice")]
    public void Forward_with_a_prefix_gives_the_official_logits_of_choices(string name)
    {
        using var golden = Open(name);
        using var scope = NewDisposeScope();

        var logits = Logits(golden, golden.Tensors["init.prefix_encoder.embedding.weight"]); // [B · choices, 1]

        Numbers.AreClose(golden.Tensors["expect.logits"], logits.view(golden.Tensors["expect.logits"].shape));
    }

    [TestMethod]
    [DataRow("bert.sequence-classification")]
    [DataRow("roberta.sequence-classification")]
    [DataRow("deberta.sequence-classification")]
    public void Backward_gives_the_prefix_the_official_gradient(string name)
    {
        using var golden = Open(name);
        using var scope = NewDisposeScope();
        var flat = golden.Tensors["init.prefix_encoder.embedding.weight"].clone().requires_grad_();

        functional.cross_entropy(Logits(golden, flat), golden.Tensors["input.labels"]).backward();

        var expected = golden.Tensors["expect.grad.prefix_encoder.embedding.weight"];
        Numbers.AreClose(expected, flat.grad!, absolute: 1e-5 * expected.abs().max().item<float>(), relative: 0);
    }

    /// <summary>The loss of the official models leaves padding out.</summary>
    [TestMethod]
    [DataRow("bert.token-classification")]
    [DataRow("deberta.token-classification")]
    [DataRow("deberta-v2.token-classification")]
    public void Backward_from_all_tokens_gives_the_prefix_the_official_gradient(string name)
    {
        using var golden = Open(name);
        using var scope = NewDisposeScope();
        var flat = golden.Tensors["init.prefix_encoder.embedding.weight"].clone().requires_grad_();
        var labels = golden.Tensors["input.labels"].masked_fill(golden.Batch.Mask! == 0, -100);

        functional.cross_entropy(Logits(golden, flat).flatten(0, 1), labels.view(-1)).backward();

        var expected = golden.Tensors["expect.grad.prefix_encoder.embedding.weight"];
        Numbers.AreClose(expected, flat.grad!, absolute: 1e-5 * expected.abs().max().item<float>(), relative: 0);
    }

    private static GoldenEncoder Open(string name)
    {
        var path = Path.Combine(GoldenFiles.Root, "official", name);
        if (!File.Exists($"{path}.safetensors"))
            throw new AssertInconclusiveException($"There is no '{path}.safetensors'; PTUNING_GOLDEN names another folder of golden vectors.");
        return new GoldenEncoder(path, "init.", GoldenEncoder.IsOfTheEncoder);
    }

    /// <summary>What the official head makes of the hidden states: of each token, or of the pooled first.</summary>
    private static Tensor Logits(GoldenEncoder golden, Tensor flat, string head = "classifier")
    {
        var configuration = golden.Backbone.Configuration;
        var length = flat.size(0);
        var layers = flat.view(length, configuration.Layers, 2, configuration.Heads, configuration.HeadSize).unbind(1); // L of [P, 2, h, D]
        LayerPrefix[] prefixes = [.. layers.Select(layer => new LayerPrefix(layer.select(1, 0), layer.select(1, 1)))];

        var hidden = golden.Backbone.Forward(Rows(golden.Batch), prefixes, positionOffset: (int)length);
        if (golden.Tensors.ContainsKey("init.pooler.dense.weight"))
            hidden = golden.Backbone.PoolerActivation(Linear(golden, "pooler.dense", hidden.select(1, 0)));
        return Linear(golden, head, golden.Backbone.HasPooler && head == "classifier" ? golden.Backbone.Pool(hidden) : hidden);
    }

    /// <summary>The choices of a question, <c>[B, choices, T]</c>, are rows of their own.</summary>
    private static EncodedBatch Rows(EncodedBatch batch)
    {
        var length = batch.Ids.size(-1);
        return new(batch.Ids.view(-1, length), batch.Segments.view(-1, length), batch.Mask!.view(-1, length));
    }

    private static Tensor Linear(GoldenEncoder golden, string module, Tensor x) =>
        functional.linear(x, golden.Tensors[$"init.{module}.weight"], golden.Tensors[$"init.{module}.bias"]);
}
