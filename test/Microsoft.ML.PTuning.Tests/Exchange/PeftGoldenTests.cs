using Microsoft.ML.PTuning.Methods;

namespace Microsoft.ML.PTuning.Tests.Exchange;

/// <summary>Adapters that PEFT wrote, against the logits that PEFT computed with them.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class PeftGoldenTests
{
    /// <summary>Every adapter, in both forms.</summary>
    public static IEnumerable<object[]> Adapters =>
        from family in (string[])["bert", "roberta", "gpt2"]
        from method in (string[])["prefix-tuning", "prefix-tuning.projection", "prompt-tuning", "p-tuning.mlp", "p-tuning.lstm", "lora"]
        from file in (string[])["adapter_model.safetensors", "adapter_model.bin"]
        select new object[] { $"{family}.{method}", file };

    /// <summary>Adapters that older versions wrote, and the file with their logits.</summary>
    public static IEnumerable<object[]> Old =>
    [
        ["old-0.3.0/bert.prefix-tuning", "bert.prefix-tuning"],
        ["old-0.3.0/bert.prompt-tuning", "bert.prompt-tuning"],
        ["old-0.3.0/bert.p-tuning.mlp", "bert.p-tuning.mlp"],
        ["old-0.3.0/bert.lora", "bert.lora"],
        ["old-0.16.0/bert.prompt-tuning", "old-0.16.0/bert.prompt-tuning"], // Without a head: that of the encoder's checkpoint.
    ];

    [TestMethod]
    [DynamicData(nameof(Adapters))]
    public void Import_gives_the_logits(string name, string file)
    {
        using var adapter = ForeignFolder.Copy($"peft/{name}");
        adapter.Delete(file.EndsWith(".bin", StringComparison.Ordinal) ? "adapter_model.safetensors" : "adapter_model.bin");
        Compare(adapter, name.Split('.')[0], name);
    }

    [TestMethod]
    [DynamicData(nameof(Old))]
    public void Import_of_an_older_versions_adapter_gives_the_logits(string name, string logits)
    {
        using var adapter = ForeignFolder.Copy($"peft/{name}");
        Compare(adapter, "bert", logits);
    }

    /// <summary>PEFT's own past_key_values: the order of layers, keys, values and heads.</summary>
    [TestMethod]
    [DataRow("bert.prefix-tuning")]
    [DataRow("bert.prefix-tuning.projection")]
    [DataRow("roberta.prefix-tuning")]
    [DataRow("roberta.prefix-tuning.projection")]
    [DataRow("gpt2.prefix-tuning")]
    [DataRow("gpt2.prefix-tuning.projection")]
    public void Imported_prefix_has_the_keys_and_values(string name)
    {
        var golden = ForeignFolder.Golden($"peft/{name}");
        using var encoder = ForeignFolder.PeftEncoder(name.Split('.')[0]);
        using var adapter = ForeignFolder.Copy($"peft/{name}");
        using var model = Import(adapter, encoder);
        for (var layer = 0; layer < 3; layer++)
            for (var part = 0; part < 2; part++)
            {
                var ours = model.Model.Tensors[TrainedTensors.Prefix].select(1, layer).select(1, part).transpose(0, 1); // [h, P, D]
                Assert.IsTrue(ours.equal(golden[$"expect.past.{layer}.{(part == 0 ? "key" : "value")}"][0]).all().item<bool>(), $"layer {layer}, part {part}");
            }
    }

    internal static PTuningV2Transformer Import(ForeignFolder adapter, ForeignFolder encoder)
    {
        PTuningV2Trainer.Options options = File.ReadAllText(adapter.File("adapter_config.json")).Contains("_LM\"")
            ? new PTuningV2Trainer.TextGenerationOptions { Generation = new() { MaxNewTokens = 12 } }
            : new PTuningV2Trainer.MulticlassOptions();
        (options.Backbone, options.MaxLength) = (encoder.Path, 24);
        return PTuningV2Transformer.ImportPeft(new MLContext(1), adapter.Path, options);
    }

    private static void Compare(ForeignFolder adapter, string family, string logits)
    {
        using var encoder = ForeignFolder.PeftEncoder(family);
        using var model = Import(adapter, encoder);
        ImportedScores.AreClose(ForeignFolder.Golden($"peft/{logits}"), model);
    }
}
