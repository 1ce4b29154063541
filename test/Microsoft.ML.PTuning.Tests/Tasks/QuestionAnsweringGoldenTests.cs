using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Prompts;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Tasks;

/// <summary>Logits and loss of answers against what the official P-tuning v2 models computed.</summary>
[TestClass]
public sealed class QuestionAnsweringGoldenTests
{
    [TestMethod]
    [DataRow("bert")]
    [DataRow("roberta")]
    [DataRow("deberta")]
    public void Logits_are_the_official_ones(string family)
    {
        using var scope = NewDisposeScope();
        using var golden = Open(family);

        var logits = Forward(golden);

        Numbers.AreClose(Expected(golden, "start_logits"), logits.select(2, 0));
        Numbers.AreClose(Expected(golden, "end_logits"), logits.select(2, 1));
    }

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

        var loss = Asked.Task.Loss(Forward(golden), parts).item<float>() / parts.Length;

        // The official formula on the official logits, row by row without padding.
        var (startLogits, endLogits) = (Expected(golden, "start_logits"), Expected(golden, "end_logits"));
        var expected = lengths.Select((length, row) =>
            (CrossEntropy(startLogits, row, length, starts) + CrossEntropy(endLogits, row, length, ends)) / 2).Average();
        Assert.AreEqual(expected, loss, 1e-5);
    }

    private static GoldenEncoder Open(string family)
    {
        var path = Path.Combine(GoldenFiles.Root, "official", $"{family}.question-answering");
        if (!File.Exists($"{path}.safetensors"))
            throw new AssertInconclusiveException($"There is no '{path}.safetensors'; PTUNING_GOLDEN names the folder of golden vectors.");
        return new GoldenEncoder(path, "init.", weight => !weight.StartsWith("prefix_encoder.", StringComparison.Ordinal));
    }

    private static Tensor Forward(GoldenEncoder golden)
    {
        var flat = golden.Tensors["init.prefix_encoder.embedding.weight"];
        var encoder = new PromptMethod { PrefixLength = (int)flat.size(0) }.Over(golden.Backbone);
        using TrainedTensors tensors = new()
        {
            { TrainedTensors.Prefix, flat.view(encoder.Shape.Dimensions).clone() },
            { "head.weight", golden.Tensors["init.qa_outputs.weight"].clone() },
            { "head.bias", golden.Tensors["init.qa_outputs.bias"].clone() },
        };
        return new PromptNetwork(encoder, Asked.Task.Head).Forward(golden.Batch, tensors);
    }

    private static Tensor Expected(GoldenEncoder golden, string name) => golden.Tensors[$"expect.{name}"];

    private static double CrossEntropy(Tensor logits, int row, int length, Tensor positions)
    {
        var values = logits[row].data<float>().Take(length).Select(x => (double)x).ToArray();
        return Math.Log(values.Sum(Math.Exp)) - values[positions[row].item<long>()];
    }
}
