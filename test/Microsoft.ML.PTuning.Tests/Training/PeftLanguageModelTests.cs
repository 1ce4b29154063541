using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>GPT-2 under PEFT's methods: logits, loss, gradients and five steps of whole rows, and the same through this library's own training.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class PeftLanguageModelTests
{
    public static IEnumerable<object[]> Adapters =>
        from method in (string[])["prefix-tuning", "prefix-tuning.projection", "prompt-tuning", "p-tuning.mlp", "p-tuning.lstm", "lora"]
        select new object[] { $"gpt2.{method}" };

    /// <summary>
    /// In PEFT the last vector of a prompt foresees the first token of a row, which is no text that follows another: such a row is no pair of texts.
    /// </summary>
    public static IEnumerable<object[]> Trained =>
        from method in (string[])["prefix-tuning", "prefix-tuning.projection", "lora"]
        from road in (IEnumerable<(int Shards, bool Recomputes)>)[(1, false), (3, false), (1, true)]
        select new object[] { $"gpt2.{method}", road.Shards, road.Recomputes };

    [TestMethod]
    [DynamicData(nameof(Adapters))]
    public void Logits_loss_gradients_and_five_steps_are_those_of_peft(string name)
    {
        using var golden = GoldenEncoder.OfPeft(PathOf(name));
        var exact = ExactNumbers.Compute(golden, weights => Run(golden, weights));
        using var inF32 = golden.InF32();
        var ours = ExactNumbers.OnOneCore(() => Run(golden, inF32));

        string[] compared = [.. golden.Tensors.Keys
            .Where(key => key.StartsWith("expect.", StringComparison.Ordinal) && !key.StartsWith("expect.past.", StringComparison.Ordinal))];
        Assert.IsGreaterThan(4, compared.Length);
        foreach (var key in compared)
        {
            var number = key["expect.".Length..];
            var expected = ExactNumbers.Read(number == "logits" ? RealTokens(golden, golden.Tensors[key]) : golden.Tensors[key]);
            if (number.StartsWith("grad.", StringComparison.Ordinal))
                exact[number].AreClose(expected, ours[number], absolute: 1e-5 * exact[number].Largest, relative: 0);
            else if (number.StartsWith("after5.", StringComparison.Ordinal))
                exact[number].AreClose(expected, ours[number], absolute: 5e-5, relative: 0, eachByItself: true);
            else
                exact[number].AreClose(expected, ours[number]);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Trained))]
    public void Training_of_texts_gives_the_losses_the_gradients_and_the_values(string name, int shards, bool recompute)
    {
        var run = OfficialRun.Of(PathOf(name), "causal-lm");
        run.Exact["loss"].AreClose(run.Expected["loss"], run.Ours(shards, recompute)["loss"]);
        run.CompareGradients(shards, recompute);
        run.CompareFiveSteps(shards, recompute);
    }

    private static Dictionary<string, double[]> Run(GoldenEncoder golden, GoldenWeights weights)
    {
        using var scope = NewDisposeScope();
        using var backbone = weights.Backbone.WithLanguageHead(golden.Directory);
        var official = OfficialMethod.Of(golden, weights, backbone);
        var encoder = official.Method.Adapt(backbone);
        var trained = official.Names.Zip(official.Parameters.Parameters.Select(parameter => parameter.requires_grad_())).ToArray();

        var numbers = new Dictionary<string, double[]>();
        var losses = new List<double>();
        using var optimizer = new AdamW(official.Parameters.Parameters, weightDecay: 0);
        for (var step = 0; step < 5; step++)
        {
            using var inner = NewDisposeScope();
            optimizer.ClearGradients();
            var values = new TrainedTensors();
            foreach (var (name, value) in official.Parameters.Values())
                values.Add(name, value.alias());
            var tuning = official.Method.Tune(backbone, values, golden.Batch.Rows, dropout: null);
            var states = backbone.Forward(official.Method.Arrange(golden.Batch, backbone).Read, tuning, encoder.ReservedPositions);
            var logits = backbone.LanguageHead!.Forward(states.reshape(-1, states.size(2)), tuning.Weights).view(states.size(0), states.size(1), -1);
            var loss = NextWordLoss(golden, logits);
            loss.backward();
            losses.Add(loss.to(ScalarType.Float64).item<double>());
            if (step == 0)
            {
                numbers["logits"] = ExactNumbers.Read(RealTokens(golden, logits));
                numbers["loss"] = [losses[0]];
                if (values.Contains(TrainedTensors.Prompt))
                    numbers["prompts"] = ExactNumbers.Read(values[TrainedTensors.Prompt]);
                foreach (var (name, parameter) in trained)
                    numbers[$"grad.{name}"] = ExactNumbers.Read(parameter.grad!);
            }
            values.Dispose();
            AdamW.ClipGradients(optimizer.Parameters, maxNorm: 1);
            optimizer.Step(OfficialModel.LearningRate);
        }
        numbers["losses"] = [.. losses];
        foreach (var (name, parameter) in trained)
            numbers[$"after5.{name}"] = ExactNumbers.Read(parameter);
        return numbers;
    }

    /// <summary>The mean over all tokens that follow another or a prompt.</summary>
    private static Tensor NextWordLoss(GoldenEncoder golden, Tensor logits)
    {
        var labels = golden.Tensors["input.labels"];
        var prompt = full(labels.size(0), logits.size(1) - labels.size(1), -100, ScalarType.Int64);
        var tokens = logits.size(1) - 1;
        return nn.functional.cross_entropy(
            logits.narrow(1, 0, tokens).reshape(-1, logits.size(2)), cat([prompt, labels], 1).narrow(1, 1, tokens).reshape(-1), ignore_index: -100);
    }

    private static Tensor RealTokens(GoldenEncoder golden, Tensor logits)
    {
        var mask = golden.Tensors["input.attention_mask"].to(ScalarType.Bool);
        return logits[cat([ones(mask.size(0), logits.size(1) - mask.size(1), ScalarType.Bool), mask], 1)];
    }

    private static string PathOf(string name)
    {
        var path = Path.Combine(GoldenFiles.Root, "peft", name);
        return File.Exists($"{path}.safetensors")
            ? path
            : throw new AssertInconclusiveException($"There is no '{path}.safetensors'; PTUNING_GOLDEN names another folder of golden vectors.");
    }
}
