using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Training;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Methods;

/// <summary>LoRA of GPT-2 against PEFT: one linear layer for queries, keys and values, stored transposed, and scores of the next word.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class LowRankLanguageModelTests
{
    private static readonly LowRankAdaptation Method = new() { Rank = 4, Alpha = 8 };

    [TestMethod]
    public void Logits_loss_gradients_and_five_steps_are_those_of_peft()
    {
        var path = Path.Combine(GoldenFiles.Root, "peft", "gpt2.lora");
        if (!File.Exists($"{path}.safetensors"))
            Assert.Inconclusive($"There is no '{path}.safetensors'; PTUNING_GOLDEN names another folder of golden vectors.");
        using var golden = GoldenEncoder.OfPeft(path);
        var exact = ExactNumbers.Compute(golden, weights => Run(golden, weights));
        using var inF32 = golden.InF32();
        var ours = ExactNumbers.OnOneCore(() => Run(golden, inF32));

        foreach (var (name, numbers) in exact)
        {
            var expected = ExactNumbers.Read(name == "logits" ? RealTokens(golden, golden.Tensors["expect.logits"]) : golden.Tensors[$"expect.{name}"]);
            if (name.StartsWith("grad.", StringComparison.Ordinal))
                numbers.AreClose(expected, ours[name], absolute: 1e-5 * numbers.Largest, relative: 0);
            else if (name.StartsWith("after5.", StringComparison.Ordinal))
                numbers.AreClose(expected, ours[name], absolute: 5e-5, relative: 0, eachByItself: true);
            else
                numbers.AreClose(expected, ours[name]);
        }
        Assert.HasCount(3 + 2 * 6, exact); // Logits, loss, losses; three layers' A and B.
    }

    private static Dictionary<string, double[]> Run(GoldenEncoder golden, GoldenWeights weights)
    {
        using var scope = NewDisposeScope();
        var numbers = new Dictionary<string, double[]>();
        using var tensors = new TrainedTensors();
        foreach (var name in Method.Declare(weights.Backbone).Select(tensor => tensor.Name))
            tensors.Add(name, weights[OfficialName(name)].clone().requires_grad_());
        using var head = OpenHead(golden, weights.Backbone);

        var losses = new List<double>();
        using var optimizer = new AdamW([.. tensors.Select(tensor => tensor.Value)], weightDecay: 0);
        for (var step = 0; step < 5; step++)
        {
            using var inner = NewDisposeScope();
            optimizer.ClearGradients();
            var tuning = Method.Tune(weights.Backbone, tensors, rows: 3, dropout: null);
            var logits = head.Forward(weights.Backbone.Forward(golden.Batch, tuning), tuning.Weights);
            var loss = NextWordLoss(golden, logits);
            loss.backward();
            losses.Add(loss.to(ScalarType.Float64).item<double>());
            if (step == 0)
            {
                numbers["logits"] = ExactNumbers.Read(RealTokens(golden, logits));
                numbers["loss"] = [losses[0]];
                foreach (var (name, tensor) in tensors)
                    numbers[$"grad.{OfficialName(name)}"] = ExactNumbers.Read(tensor.grad!);
            }
            AdamW.ClipGradients(optimizer.Parameters, maxNorm: 1);
            optimizer.Step(OfficialModel.LearningRate);
        }
        numbers["losses"] = [.. losses];
        foreach (var (name, tensor) in tensors)
            numbers[$"after5.{OfficialName(name)}"] = ExactNumbers.Read(tensor);
        return numbers;
    }

    /// <summary>The mean over all tokens that follow another.</summary>
    private static Tensor NextWordLoss(GoldenEncoder golden, Tensor logits)
    {
        var tokens = logits.size(1) - 1;
        return nn.functional.cross_entropy(
            logits.narrow(1, 0, tokens).reshape(-1, logits.size(2)), golden.Tensors["input.labels"].narrow(1, 1, tokens).reshape(-1), ignore_index: -100);
    }

    private static Tensor RealTokens(GoldenEncoder golden, Tensor logits) => logits[golden.Tensors["input.attention_mask"].to(ScalarType.Bool)];

    private static string OfficialName(string saved) => "transformer." + saved[TrainedTensors.OfBackbone("").Length..];

    private static LanguageHead OpenHead(GoldenEncoder golden, Backbone backbone)
    {
        using var checkpoint = CheckpointFiles.Find(golden.Directory).Open();
        return LanguageHead.Load(checkpoint, BackboneFamilies.Find("gpt2")!.LanguageHead!, backbone.Configuration, backbone.WordEmbeddings);
    }
}
