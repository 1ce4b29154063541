using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Exchange;

/// <summary>What is exported is what PEFT writes: the bytes of its own adapters, field by field, and as an independent reader finds it.</summary>
[TestClass]
public sealed class PeftExportTests
{
    /// <summary>Fields that an import loses with the network that made the prompts, and what is written for them.</summary>
    private static readonly Dictionary<string, (string Field, JsonNode Value)[]> s_lost = new()
    {
        ["prefix-tuning.projection"] = [("prefix_projection", false), ("encoder_hidden_size", 32)],
        ["p-tuning.mlp"] = [("encoder_hidden_size", 32)],
    };

    public static IEnumerable<object[]> Adapters =>
        from family in (string[])["bert", "roberta", "gpt2"]
        from method in (string[])["prefix-tuning", "prefix-tuning.projection", "prompt-tuning", "p-tuning.mlp", "p-tuning.lstm", "lora"]
        select new object[] { family, method };

    [TestMethod]
    [DynamicData(nameof(Adapters))]
    public void Export_of_an_imported_adapter_has_its_bytes(string family, string method)
    {
        using var exported = new TemporaryDirectory();
        using var adapter = ImportAndExport(family, method, exported);
        CollectionAssert.AreEqual(File.ReadAllBytes(adapter.File("adapter_model.safetensors")), File.ReadAllBytes(exported.File("adapter_model.safetensors")));
    }

    [TestMethod]
    [DynamicData(nameof(Adapters))]
    public void Export_of_an_imported_adapter_has_its_settings(string family, string method)
    {
        using var exported = new TemporaryDirectory();
        using var adapter = ImportAndExport(family, method, exported);
        var (expected, actual) = (Settings(adapter.File("adapter_config.json")), Settings(exported.File("adapter_config.json")));
        foreach (var (field, value) in s_lost.GetValueOrDefault(method) ?? [])
        {
            Assert.AreNotEqual(value.ToJsonString(), expected[field]!.ToJsonString(), field);
            expected[field] = value.DeepClone();
        }

        CollectionAssert.AreEqual(expected.Select(pair => pair.Key).ToArray(), actual.Select(pair => pair.Key).ToArray());
        foreach (var (field, value) in expected)
            Assert.IsTrue(JsonNode.DeepEquals(value, actual[field]), $"{field}: {actual[field]?.ToJsonString()}, expected {value?.ToJsonString()}");
    }

    /// <summary>White space and the order of the fields, too.</summary>
    [TestMethod]
    [DataRow("bert", "prefix-tuning")]
    [DataRow("roberta", "prompt-tuning")]
    [DataRow("bert", "p-tuning.lstm")]
    [DataRow("roberta", "lora")]
    [DataRow("gpt2", "prefix-tuning")]
    [DataRow("gpt2", "prompt-tuning")]
    [DataRow("gpt2", "p-tuning.lstm")]
    [DataRow("gpt2", "lora")]
    public void Settings_have_the_bytes_of_pefts(string family, string method)
    {
        using var exported = new TemporaryDirectory();
        using var adapter = ImportAndExport(family, method, exported);
        Assert.AreEqual(File.ReadAllText(adapter.File("adapter_config.json")), File.ReadAllText(exported.File("adapter_config.json")));
    }

    [TestMethod]
    [DynamicData(nameof(Adapters))]
    public void Exported_adapter_is_imported_with_the_same_logits(string family, string method)
    {
        using var exported = new ForeignFolder();
        using var encoder = ForeignFolder.PeftEncoder(family);
        using var adapter = ForeignFolder.Copy($"peft/{family}.{method}");
        using var model = PeftGoldenTests.Import(adapter, encoder);
        model.ExportPeft(exported.Path);

        using var again = PTuningV2Transformer.ImportPeft(new MLContext(1), exported.Path); // The file names the encoder's folder.
        var golden = ForeignFolder.Golden($"peft/{family}.{method}");
        Assert.IsTrue(ImportedScores.Of(model, golden).equal(ImportedScores.Of(again, golden)).all().item<bool>());
    }

    /// <summary>A regression that was trained here: names, shapes and numbers, read by another reader and computed by hand.</summary>
    [TestMethod]
    public void Exported_regression_gives_the_labels_own_unit()
    {
        var context = new MLContext(1);
        using var encoder = new TinyEncoder();
        using var model = context.Regression.Trainers.PTuningV2(new PTuningV2Trainer.RegressionOptions
        {
            LabelColumnName = nameof(Ticket.Hours),
            Sentence1ColumnName = nameof(Ticket.Text),
            Backbone = encoder.Path,
            PrefixLength = 3,
            MaxLength = 12,
            MaxEpochs = 1,
            Pooling = Pooling.Checkpoint,
        }).Fit(context.Data.LoadFromEnumerable(Tickets.Rows(24)));
        using var exported = new TemporaryDirectory();
        model.ExportPeft(exported.File("adapter"), "bert-base-uncased");

        var file = new SafetensorsReader(exported.File("adapter/adapter_model.safetensors"));
        CollectionAssert.AreEquivalent(new[] { "base_model.classifier.bias", "base_model.classifier.weight", "prompt_embeddings" }, file.Names.ToArray());
        Assert.AreEqual("pt", file.Format);
        CollectionAssert.AreEqual(new long[] { 3, 2 * 3 * 8 }, file.Shape("prompt_embeddings"));
        CollectionAssert.AreEqual(new long[] { 1, 8 }, file.Shape("base_model.classifier.weight"));

        // The score of a row is the exported linear layer over the pooled state: the encoder's pooler under the exported prefix.
        using var backbone = encoder.Checkpoint.Load();
        using var scope = NewDisposeScope();
        var row = Tickets.Rows(1)[0];
        var hidden = HiddenStates(model, row.Text);
        var pooled = backbone.Pool(hidden)[0].data<float>().ToArray();
        var score = file.Numbers("base_model.classifier.bias")[0]
            + file.Numbers("base_model.classifier.weight").Zip(pooled, (weight, state) => weight * state).Sum();
        var predicted = model.Predict<Ticket, HoursScore>([row])[0].Score;
        Assert.AreEqual(predicted, score, 1e-4 * (1 + Math.Abs(predicted)));
        var settings = Settings(exported.File("adapter/adapter_config.json"));
        Assert.AreEqual("bert-base-uncased", (string?)settings["base_model_name_or_path"]);
        Assert.AreEqual(3, (int)settings["num_virtual_tokens"]!);
    }

    /// <summary>target_modules means exactly the layers that are changed: a name means what ends with it.</summary>
    [TestMethod]
    [DataRow(LowRankTargets.Queries | LowRankTargets.Values, "query,value")]
    [DataRow(LowRankTargets.AttentionOutput, "attention.output.dense")]
    public void Targets_have_the_shortest_names_that_mean_no_other_layer(LowRankTargets targets, string expected)
    {
        using var backbone = new TinyEncoder();
        using var model = Trained(backbone, new LowRankAdaptation { Rank = 2, Targets = targets });
        using var exported = new TemporaryDirectory();
        model.ExportPeft(exported.Path);
        var modules = Settings(exported.File("adapter_config.json"))["target_modules"]!.AsArray().Select(module => (string)module!).ToArray();
        CollectionAssert.AreEqual(expected.Split(','), modules);
    }

    /// <summary>For any targets and layers, PEFT's rule for target_modules finds the modules of the exported tensors among those of the whole model.</summary>
    [TestMethod]
    [DataRow(LowRankTargets.FeedForward, 0)]
    [DataRow(LowRankTargets.All, 0)]
    [DataRow(LowRankTargets.Keys | LowRankTargets.FeedForward, 1)]
    [DataRow(LowRankTargets.AttentionOutput, 2)]
    public void Targets_mean_the_layers_of_the_exported_tensors(LowRankTargets targets, int layers)
    {
        using var encoder = new TinyEncoder();
        using var model = Trained(encoder, new LowRankAdaptation { Rank = 2, Targets = targets, Layers = layers });
        using var exported = new TemporaryDirectory();
        model.ExportPeft(exported.Path);

        var names = Settings(exported.File("adapter_config.json"))["target_modules"]!.AsArray().Select(name => (string)name!).ToArray();
        string[] modules = [.. encoder.Checkpoint.Tensors.Where(pair => pair.Value.dim() == 2 && !pair.Key.Contains("embeddings"))
            .Select(pair => pair.Key[..^".weight".Length]), "classifier"];
        string[] meant = [.. modules.Where(module => names.Any(name => module == name || module.EndsWith($".{name}", StringComparison.Ordinal)))];
        string[] changed = [.. new SafetensorsReader(exported.File("adapter_model.safetensors")).Names
            .Where(name => name.EndsWith(".lora_A.weight", StringComparison.Ordinal))
            .Select(name => name["base_model.model.".Length..^".lora_A.weight".Length])];
        CollectionAssert.AreEquivalent(changed, meant);
    }

    public static IEnumerable<object[]> Refused =>
    [
        ["AutoPrompt", new AutoPrompt { Length = 2 }, "the method is autoprompt"],
        ["mixture", new SoftPromptMixture { Length = 2, Prompts = 2 }, "the method is soft-prompt-mixture"],
        ["BitFit", new BitFit(), "the method is bitfit"],
        ["fine-tuning", new FineTuning(), "the method is fine-tuning"],
        ["linear probe", new LinearProbe(), "the method is linear-probe"],
        ["prompt, [CLS] read", new PromptTuning { Length = 2 }, "train with ReadsPrompt = true"],
        ["prompt behind [CLS]", new PromptTuning { Length = 2, Placement = PromptPlacement.AfterFirstToken }, "Placement is AfterFirstToken"],
        ["embedded twice", new PromptTuning { Length = 2, EmbedsTwice = true, ReadsPrompt = true }, "EmbedsTwice"],
    ];

    public static string NameOf(System.Reflection.MethodInfo _, object[] data) => (string)data[0];

    [TestMethod]
    [DynamicData(nameof(Refused), DynamicDataDisplayName = nameof(NameOf))]
    public void Method_that_PEFT_lacks_is_refused(string name, TuningMethod method, string message)
    {
        Assert.IsNotEmpty(name);
        using var encoder = new TinyEncoder();
        using var model = Trained(encoder, method);
        AssertRefused(model, message);
    }

    [TestMethod]
    public void Prefix_that_PEFT_lacks_is_refused_with_all_that_differs()
    {
        using var encoder = new TinyEncoder();
        var options = encoder.Options();
        (options.PrefixLayers, options.PositionOffset, options.PrefixGate, options.Pooling) = (2, PositionOffset.None, true, Pooling.Mean);
        using var model = Fit(options);
        foreach (var message in (string[])["only 2 of 3 layers have a prefix", "PositionOffset is None", "PrefixGate", "Pooling is Mean"])
            AssertRefused(model, message);
    }

    [TestMethod]
    public void Pruned_prefix_is_refused()
    {
        using var encoder = new TinyEncoder();
        var options = encoder.Options();
        options.Pooling = Pooling.Checkpoint;
        using var model = Fit(options);
        var report = model.ExplainPrefix(Tickets.Keyed(new MLContext(1), Tickets.Rows(24)));
        using var pruned = model.PrunePrefix(report, keepPositions: 2);
        AssertRefused(pruned, "cut from 3 to 2 positions");
    }

    [TestMethod]
    public void Trained_pooler_and_a_pattern_are_refused()
    {
        using var encoder = new TinyEncoder();
        var options = encoder.Options();
        (options.Pooling, options.Pattern) = (Pooling.Trained, "{text} please");
        using var patterned = Fit(options);
        AssertRefused(patterned, "the pattern \"{text} please\"");
        options.Pattern = null;
        using var model = Fit(options);
        AssertRefused(model, "Pooling is Trained");
    }

    [TestMethod]
    public void Family_whose_models_take_no_prefix_is_refused()
    {
        using var encoder = new TinyEncoder(new TinyCheckpoint("distilbert"));
        using var model = Fit(encoder.Options());
        AssertRefused(model, "transformers' distilbert takes no prefix");
        AssertRefused(model, "sentence classifier over distilbert");
    }

    private static ForeignFolder ImportAndExport(string family, string method, TemporaryDirectory exported)
    {
        using var encoder = ForeignFolder.PeftEncoder(family);
        var adapter = ForeignFolder.Copy($"peft/{family}.{method}");
        using var model = PeftGoldenTests.Import(adapter, encoder);
        model.ExportPeft(exported.Path, baseModel: family);
        return adapter;
    }

    private static JsonObject Settings(string path) => JsonNode.Parse(File.ReadAllText(path))!.AsObject();

    private static PTuningV2Transformer Trained(TinyEncoder encoder, TuningMethod method)
    {
        var options = encoder.Options();
        (options.Method, options.Pooling) = (method, Pooling.Checkpoint);
        return Fit(options, leavesPrefix: true);
    }

    private static PTuningV2Transformer Fit(PTuningV2Trainer.MulticlassOptions options, bool leavesPrefix = false)
    {
        var context = new MLContext(1);
        if (leavesPrefix) // The prefix's length does not go with another method.
            options = new()
            {
                Sentence1ColumnName = options.Sentence1ColumnName,
                Backbone = options.Backbone,
                MaxLength = 8,
                MaxEpochs = 1,
                Method = options.Method,
                Pooling = options.Pooling,
            };
        return context.MulticlassClassification.Trainers.PTuningV2(options).Fit(Tickets.Keyed(context, Tickets.Rows(24)));
    }

    private static Tensor HiddenStates(PTuningV2Transformer model, string text)
    {
        using var frozen = no_grad();
        var network = model.Model.Network;
        var encoded = model.Model.Tokenizer.Encode(text, null, 12);
        var batch = PTuning.Backbones.EncodedRow.Collate([PTuning.Backbones.EncodedRow.Of(encoded)], 0, CPU);
        return network.Encoder.Forward(batch, network.Encoder.Method.Tune(network.Encoder.Backbone, model.Model.Tensors, 1, dropout: null));
    }

    private static void AssertRefused(PTuningV2Transformer model, string message)
    {
        using var folder = new TemporaryDirectory();
        StringAssert.Contains(Assert.ThrowsExactly<NotSupportedException>(() => model.ExportPeft(folder.Path)).Message, message);
        Assert.IsEmpty(Directory.GetFileSystemEntries(folder.Path));
    }

    private sealed class HoursScore
    {
        public float Score { get; set; }
    }
}
