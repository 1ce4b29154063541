using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones;

/// <summary>Plain encoders against what transformers computed.</summary>
[TestClass]
public sealed class BackboneGoldenTests
{
    /// <summary>
    /// The golden file's linear weights lie around 1, not 0, so sums of hundreds cancel and F32 alone, the reference's too, is off by 2e-4 from what
    /// F64 gives. Another GELU is off by more than this; the exact comparison is that with BERT under DistilBERT's names.
    /// </summary>
    public const double DistilBertNoise = 5e-4;

    private static readonly string Folder = Path.Combine(GoldenFiles.Root, "backbones");

    public static IEnumerable<object[]> Names()
    {
        const string ending = ".config.json";
        if (!Directory.Exists(Folder))
            return [["none"]];

        var files = Directory.EnumerateFiles(Folder, "*" + ending).Order(StringComparer.Ordinal);
        return files.Select(path => new object[] { Path.GetFileName(path)[..^ending.Length] });
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Embed_gives_the_first_hidden_states(string name)
    {
        using var golden = Open(name);
        using var scope = NewDisposeScope();

        Compare(golden, "expect.hidden.first", golden.Backbone.Embed(golden.Batch, positionOffset: 0));
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Forward_gives_the_last_hidden_states(string name)
    {
        using var golden = Open(name);
        using var scope = NewDisposeScope();

        Compare(golden, "expect.hidden.last", golden.Backbone.Forward(golden.Batch), name == "distilbert" ? DistilBertNoise : 1e-6);
    }

    /// <summary>The same code in F64 rounds next to nothing, so that what is left is what the reference's F32 rounded.</summary>
    [TestMethod]
    public void DistilBert_in_F64_is_nearer_to_the_file_than_in_F32()
    {
        using var golden = Open("distilbert");
        using var exact = golden.LoadAs(ScalarType.Float64);
        using var scope = NewDisposeScope();

        Compare(golden, "expect.hidden.last", exact.Forward(golden.Batch).to(ScalarType.Float32), 2e-4);
    }

    private static GoldenEncoder Open(string name)
    {
        var path = Path.Combine(Folder, name);
        if (!File.Exists(path + ".safetensors"))
            throw new AssertInconclusiveException($"No golden vectors in '{Folder}'; PTUNING_GOLDEN names another folder.");
        return new GoldenEncoder(path, "param.");
    }

    /// <summary>Padding too: what its keys are hidden from is defined there as well.</summary>
    private static void Compare(GoldenEncoder golden, string expected, Tensor actual, double absolute = 1e-6) =>
        Numbers.AreClose(golden.Tensors[expected], actual, absolute);
}
