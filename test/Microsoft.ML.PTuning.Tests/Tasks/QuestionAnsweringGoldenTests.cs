using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Methods;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Tasks;

/// <summary>The loss of answers without padding against what the official P-tuning v2 models computed.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class QuestionAnsweringGoldenTests
{
    [TestMethod]
    [DataRow("bert")]
    [DataRow("roberta")]
    [DataRow("deberta")]
    public void Loss_is_the_official_one_but_for_padding(string family)
    {
        using var scope = NewDisposeScope();
        using var golden = Open(family);
        int[] lengths = [.. golden.Batch.Mask!.sum(1).data<float>().Select(length => (int)length)];
        var (starts, ends) = (golden.Tensors["input.start_positions"], golden.Tensors["input.end_positions"]);
        ExamplePart[] parts = [.. lengths.Select((length, row) =>
            new ExamplePart([new EncodedRow(new int[length], new int[length])], [starts[row].item<long>(), ends[row].item<long>()]))];

        // The official formula on the official logits, row by row without padding.
        var (startLogits, endLogits) = (Expected(golden, "start_logits"), Expected(golden, "end_logits"));
        var expected = lengths.Select((length, row) =>
            (CrossEntropy(startLogits, row, length, starts) + CrossEntropy(endLogits, row, length, ends)) / 2).Average();

        ExactNumbers.AreClose(golden, tensor(expected), weights => WordQuestions.Task.Loss(Forward(golden, weights), parts) / parts.Length);
    }

    private static GoldenEncoder Open(string family)
    {
        var path = Path.Combine(GoldenFiles.Root, "official", $"{family}.question-answering");
        if (!File.Exists($"{path}.safetensors"))
            throw new AssertInconclusiveException($"There is no '{path}.safetensors'; PTUNING_GOLDEN names the folder of golden vectors.");
        return new GoldenEncoder(path, "init.", GoldenEncoder.IsOfTheEncoder);
    }

    private static Tensor Forward(GoldenEncoder golden, GoldenWeights weights)
    {
        var flat = weights["prefix_encoder.embedding.weight"];
        var encoder = new DeepPrefix { PrefixLength = (int)flat.size(0) }.Adapt(weights.Backbone);
        using TrainedTensors tensors = new()
        {
            { TrainedTensors.Prefix, flat.view(encoder.PrefixShape().Dimensions).clone() },
            { "head.weight", weights["qa_outputs.weight"].clone() },
            { "head.bias", weights["qa_outputs.bias"].clone() },
        };
        return new PromptNetwork(encoder, WordQuestions.Task.Head).Forward(golden.Batch, tensors);
    }

    private static Tensor Expected(GoldenEncoder golden, string name) => golden.Tensors[$"expect.{name}"];

    private static double CrossEntropy(Tensor logits, int row, int length, Tensor positions)
    {
        var values = logits[row].data<float>().Take(length).Select(x => (double)x).ToArray();
        return Math.Log(values.Sum(Math.Exp)) - values[positions[row].item<long>()];
    }
}
