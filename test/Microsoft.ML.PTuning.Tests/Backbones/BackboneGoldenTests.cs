using System.Text.RegularExpressions;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tests.Backbones.Families;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>Plain encoders against what transformers computed.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed partial class BackboneGoldenTests
{
    private static readonly string Folder = Path.Combine(GoldenFiles.Root, "backbones");

    public static IEnumerable<object[]> Names()
    {
        const string ending = ".config.json";
        if (!Directory.Exists(Folder))
            return [["none"]];

        var files = Directory.EnumerateFiles(Folder, "*" + ending).Order(StringComparer.Ordinal);
        return files.Select(path => new object[] { Path.GetFileName(path)[..^ending.Length] });
    }

    /// <summary>Encoders alone. The file of BART has no hidden states of its decoder; <see cref="BartBackboneTests"/> compares what it has.</summary>
    public static IEnumerable<object[]> EncoderNames() => Names().Where(row => !row.Contains("bart"));

    /// <summary>DistilBERT's weights in the golden file lie around 1, not 0: sums cancel, and where they are long F32 loses what a bias adds.</summary>
    public static IEnumerable<object[]> NamesOfLittleNoise() => Names().Where(row => !row.Contains("distilbert"));

    [TestMethod]
    [DynamicData(nameof(EncoderNames))]
    public void Embed_gives_the_first_hidden_states(string name) =>
        Compare(name, "expect.hidden.first", (backbone, batch) => backbone.Embed(batch, positionOffset: 0));

    [TestMethod]
    [DynamicData(nameof(EncoderNames))]
    public void Forward_gives_the_last_hidden_states(string name) =>
        Compare(name, "expect.hidden.last", (backbone, batch) => backbone.Forward(batch));

    /// <summary>The bounds leave room for rounding and for nothing else.</summary>
    [TestMethod]
    [DynamicData(nameof(NamesOfLittleNoise))]
    public void Forward_without_one_of_the_biases_is_out_of_bounds(string name)
    {
        using var golden = Open(name);
        var biases = new List<string>();
        golden.InF32((weight, numbers) =>
        {
            if (numbers.count_nonzero().item<long>() > 0)
                biases.Add(weight);
        }).Dispose();
        var exact = ExactNumbers.Compute(golden, Forward);

        foreach (var bias in biases.Where(weight => weight.EndsWith(".bias", StringComparison.Ordinal) && !BiasOfKeys().IsMatch(weight)))
        {
            using var weights = golden.InF32((weight, numbers) => _ = weight == bias ? numbers.zero_() : numbers);
            var without = ExactNumbers.OnOneCore(() => ExactNumbers.Read(Forward(weights)));

            Assert.ThrowsExactly<AssertFailedException>(() => exact.AreClose(exact.Values, without), bias);
        }

        Tensor Forward(GoldenWeights weights) => weights.Backbone.Forward(golden.Batch);
    }

    /// <summary>Padding too: what its keys are hidden from is defined there as well.</summary>
    private static void Compare(string name, string expected, Func<Backbone, EncodedBatch, Tensor> compute)
    {
        using var golden = Open(name);

        ExactNumbers.AreClose(golden, golden.Tensors[expected], weights => compute(weights.Backbone, golden.Batch));
    }

    /// <summary>What these add is the same for all that a softmax compares, or nearly.</summary>
    [GeneratedRegex(@"\.(key|key_proj|k_proj|pos_key_proj)\.bias$")]
    private static partial Regex BiasOfKeys();

    /// <summary>A golden file's encoder.</summary>
    internal static GoldenEncoder Open(string name)
    {
        var path = Path.Combine(Folder, name);
        if (!File.Exists(path + ".safetensors"))
            throw new AssertInconclusiveException($"No golden vectors in '{Folder}'; PTUNING_GOLDEN names another folder.");
        return new GoldenEncoder(path, "param.");
    }
}
