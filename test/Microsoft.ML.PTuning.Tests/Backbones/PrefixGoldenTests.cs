using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Tests.Methods;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>Encoders with a prefix in every layer against what the official P-tuning v2 models computed.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class PrefixGoldenTests
{
    private const string Prefix = "prefix_encoder.embedding.weight";

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

        ExactNumbers.AreClose(golden, golden.Tensors["expect.logits"], weights => Logits(golden, weights));
    }

    /// <summary>The official DeBERTa v2 does not mask the embeddings of padding, as transformers does.</summary>
    [TestMethod]
    [DataRow("deberta-v2.token-classification")]
    public void Forward_with_a_prefix_gives_the_official_logits_of_real_tokens(string name)
    {
        using var golden = Open(name);
        using var scope = NewDisposeScope();
        var real = golden.Batch.Mask!.unsqueeze(-1);

        ExactNumbers.AreClose(golden, golden.Tensors["expect.logits"] * real, weights => Logits(golden, weights) * real);
    }

    [TestMethod]
    [DataRow("bert.question-answering")]
    [DataRow("roberta.question-answering")]
    [DataRow("deberta.question-answering")]
    public void Forward_with_a_prefix_gives_the_official_logits_of_start_and_end(string name)
    {
        using var golden = Open(name);
        using var scope = NewDisposeScope();
        var expected = stack([golden.Tensors["expect.start_logits"], golden.Tensors["expect.end_logits"]], -1); // [B, T, 2]

        ExactNumbers.AreClose(golden, expected, weights => Logits(golden, weights, head: "qa_outputs"));
    }

    [TestMethod]
    [DataRow("bert.multiple-choice")]
    [DataRow("roberta.multiple-choice")]
    [DataRow("deberta.multiple-choice")]
    public void Forward_with_a_prefix_gives_the_official_logits_of_choices(string name)
    {
        using var golden = Open(name);
        var expected = golden.Tensors["expect.logits"];

        ExactNumbers.AreClose(golden, expected, weights => Logits(golden, weights).view(expected.shape)); // From [B · choices, 1].
    }

    /// <summary>The bounds are wide enough for rounding and no wider.</summary>
    [TestMethod]
    [DataRow("bert.sequence-classification")]
    [DataRow("roberta.token-classification")]
    public void Forward_at_positions_further_by_one_is_out_of_bounds(string name)
    {
        using var golden = Open(name);
        var exact = ExactNumbers.Compute(golden, weights => Logits(golden, weights));
        using var weights = golden.InF32();

        var shifted = ExactNumbers.OnOneCore(() => ExactNumbers.Read(Logits(golden, weights, shift: 1)));

        Assert.ThrowsExactly<AssertFailedException>(() => exact.AreClose(exact.Values, shifted));
    }

    [TestMethod]
    [DataRow("bert.sequence-classification")]
    [DataRow("roberta.sequence-classification")]
    [DataRow("deberta.sequence-classification")]
    public void Backward_gives_the_prefix_the_official_gradient(string name)
    {
        using var golden = Open(name);

        CompareGradients(golden, weights => functional.cross_entropy(Logits(golden, weights), golden.Tensors["input.labels"]));
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
        var labels = golden.Tensors["input.labels"].masked_fill(golden.Batch.Mask! == 0, -100);

        CompareGradients(golden, weights => functional.cross_entropy(Logits(golden, weights).flatten(0, 1), labels.view(-1)));
    }

    private static GoldenEncoder Open(string name)
    {
        var path = Path.Combine(GoldenFiles.Root, "official", name);
        if (!File.Exists($"{path}.safetensors"))
            throw new AssertInconclusiveException($"There is no '{path}.safetensors'; PTUNING_GOLDEN names another folder of golden vectors.");
        return new GoldenEncoder(path, "init.", GoldenEncoder.IsOfTheEncoder);
    }

    private static void CompareGradients(GoldenEncoder golden, Func<GoldenWeights, Tensor> loss) => ExactNumbers.AreClose(
        golden, golden.Tensors[$"expect.grad.{Prefix}"], weights =>
        {
            var prefix = weights[Prefix].requires_grad_();
            loss(weights).backward();
            return prefix.grad!;
        }, isGradient: true);

    /// <summary>What the official head makes of the hidden states: of each token, or of the pooled first.</summary>
    private static Tensor Logits(GoldenEncoder golden, GoldenWeights weights, string head = "classifier", int shift = 0)
    {
        var (backbone, flat) = (weights.Backbone, weights[Prefix]);
        var configuration = backbone.Configuration;
        var length = flat.size(0);
        var layers = flat.view(length, configuration.Layers, 2, configuration.Heads, configuration.HeadSize).unbind(1); // L of [P, 2, h, D]
        LayerPrefix[] prefixes = [.. layers.Select(layer => new LayerPrefix(layer.select(1, 0), layer.select(1, 1)))];

        var hidden = backbone.Forward(Rows(golden.Batch), prefixes, positionOffset: (int)length + shift);
        if (golden.Tensors.ContainsKey("init.pooler.dense.weight"))
            hidden = backbone.PoolerActivation(Linear(weights, "pooler.dense", hidden.select(1, 0)));
        return Linear(weights, head, backbone.HasPooler && head == "classifier" ? backbone.Pool(hidden) : hidden);
    }

    /// <summary>The choices of a question, <c>[B, choices, T]</c>, are rows of their own.</summary>
    private static EncodedBatch Rows(EncodedBatch batch)
    {
        var length = batch.Ids.size(-1);
        return new(batch.Ids.view(-1, length), batch.Segments.view(-1, length), batch.Mask!.view(-1, length));
    }

    private static Tensor Linear(GoldenWeights weights, string module, Tensor x) =>
        functional.linear(x, weights[$"{module}.weight"], weights[$"{module}.bias"]);
}
