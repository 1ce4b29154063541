using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Generation;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Exchange;

/// <summary>Adapters of language models that write: what they write, GPT-2's and BART's, in and out.</summary>
[TestClass]
public sealed class PeftTextTests
{
    private const string Settings = "adapter_config.json", Weights = "adapter_model.safetensors";

    private static readonly string[] s_texts = ["a", "The ab is", "", "xyz ab ab, and more of it"];

    public static IEnumerable<object[]> Methods =>
        from method in (string[])["prefix-tuning", "prefix-tuning.projection", "prompt-tuning", "p-tuning.mlp", "p-tuning.lstm", "lora"]
        select new object[] { method };

    /// <summary>Greedy search as it is defined: each token is the most probable one behind the whole row so far, which is read anew as a text.</summary>
    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Imported_adapter_writes_the_most_probable_tokens(string method)
    {
        using var model = Import(method, out var encoder);
        using var folder = encoder;
        var task = (TextGeneration)model.Model.Task;
        TextPart[] parts = [.. s_texts.Select(text => (TextPart)task.Encode(model.Model.Tokenizer, text, target: null).Parts[0])];

        int[][] expected = [.. parts.Select(part => Greedy(model, [.. part.Row.Ids, .. part.Row.DecoderIds], task.Generation.MaxNewTokens))];
        foreach (var keeps in (bool[])[true, false])
        {
            var written = Write(model, parts, keeps);
            for (var row = 0; row < parts.Length; row++)
                CollectionAssert.AreEqual(expected[row], written[row].ToArray(), $"row {row}, keeps {keeps}: {string.Join(' ', written[row])}");
        }
        Assert.IsGreaterThan(1, expected.Select(tokens => string.Join(' ', tokens)).Distinct().Count());
    }

    [TestMethod]
    public void Written_text_goes_on_behind_the_last_token_unless_the_options_say_otherwise()
    {
        using var model = Import("prefix-tuning", out var encoder);
        using var folder = encoder;
        using var adapter = ForeignFolder.Copy("peft/gpt2.prefix-tuning");
        using var apart = PTuningV2Transformer.ImportPeft(new MLContext(1), adapter.Path, new PTuningV2Trainer.TextGenerationOptions
        {
            Backbone = encoder.Path, MaxLength = 24, Generation = new() { MaxNewTokens = 12 }, ContinuesText = false,
        });
        var ids = model.Model.Tokenizer.Encode("xab", null, 24).Tokens.Select(token => token.Id).ToArray();

        Assert.HasCount(2, ids);
        AssertRow(model, ids[..1], ids[1]);
        AssertRow(apart, ids, 0); // The end of text.

        static void AssertRow(PTuningV2Transformer model, int[] text, int start)
        {
            var row = ((TextPart)((TextGeneration)model.Model.Task).Encode(model.Model.Tokenizer, "xab", target: null).Parts[0]).Row;
            CollectionAssert.AreEqual(text, row.Ids);
            CollectionAssert.AreEqual(new[] { start }, row.DecoderIds);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Imported_model_writes_the_same_when_it_is_saved_and_told(string method)
    {
        using var model = Import(method, out var encoder);
        using var folder = encoder;
        var context = new MLContext(1);
        using var file = new MemoryStream();
        model.SaveTo(file);
        file.Position = 0;
        using var loaded = PTuningV2Transformer.LoadFrom(context, file);

        var texts = Texts(context, model);
        CollectionAssert.AreEqual(texts, Texts(context, loaded));
        CollectionAssert.AreEqual(texts, s_texts.Select(text => model.GenerateText(text, _ => { })).ToArray());
    }

    [TestMethod]
    public void Training_goes_on_from_an_imported_model()
    {
        using var model = Import("prefix-tuning", out var encoder);
        using var folder = encoder;
        var context = new MLContext(1);
        using var further = context.MulticlassClassification.Trainers.PTuningV2TextGeneration(new PTuningV2Trainer.TextGenerationOptions
        {
            Backbone = encoder.Path, PrefixLength = 7, MaxLength = 24, Generation = new() { MaxNewTokens = 12 }, ContinuesText = true,
            InitialModel = model, LearningRate = 1e-9, MaxEpochs = 1, Seed = 1,
        }).Fit(context.Data.LoadFromEnumerable(TinyWriter.Pairs(8)));

        CollectionAssert.AreEqual(Texts(context, model), Texts(context, further)); // A step of nearly nothing.
    }

    /// <summary>A row leaves the prefix its positions, and what is written its own.</summary>
    [TestMethod]
    public void Task_and_lengths_without_options_are_those_of_the_files()
    {
        using var encoder = ForeignFolder.PeftEncoder("gpt2");
        using var adapter = ForeignFolder.Copy("peft/gpt2.prompt-tuning").Bend(Settings, settings => settings["base_model_name_or_path"] = encoder.Path);
        using var model = PTuningV2Transformer.ImportPeft(new MLContext(1), adapter.Path);

        Assert.AreEqual(48 - 7, model.Model.Task.PositionsIn(model.Model.Network.Encoder.Backbone));
        Assert.AreEqual(true, ((TextGeneration)model.Model.Task).ContinuesText);
        Assert.ThrowsExactly<ArgumentException>(() => PTuningV2Transformer.ImportPeft(new MLContext(1), adapter.Path, classes: ["a", "b"]));
    }

    [TestMethod]
    public void Trained_model_is_exported_and_writes_the_same_when_it_is_imported()
    {
        using var writer = new TinyWriter("gpt2");
        using var model = writer.Trainer(writer.Options()).Fit(writer.Context.Data.LoadFromEnumerable(TinyWriter.Pairs(24)));
        using var exported = new TemporaryDirectory();
        model.ExportPeft(exported.Path);
        var options = writer.Options();
        options.ContinuesText = false; // The end of text stands between the texts that it learned.
        using var again = PTuningV2Transformer.ImportPeft(writer.Context, exported.Path, options);

        CollectionAssert.AreEqual(Texts(writer.Context, model), Texts(writer.Context, again));
        CollectionAssert.AreEqual(new[] { "prompt_embeddings" }, new SafetensorsReader(exported.File(Weights)).Names.ToArray());
        var settings = JsonNode.Parse(File.ReadAllText(exported.File(Settings)))!;
        Assert.AreEqual("CAUSAL_LM", (string?)settings["task_type"]);
        Assert.IsNull(settings["modules_to_save"]);
    }

    /// <summary>LoRA of BART gives what BART gives with the products added to its weights by hand.</summary>
    [TestMethod]
    public void Products_over_bart_change_its_weights()
    {
        const double Scale = 8.0 / 2;
        string[] modules = ["encoder.layers.0.self_attn.q_proj", "decoder.layers.0.encoder_attn.v_proj", "decoder.layers.1.self_attn.q_proj"];
        using var writer = new TinyWriter("bart");
        using var encoder = ForeignFolder.Copy(writer.Path);
        using var generator = new Generator(1);
        (string Module, Tensor A, Tensor B)[] products =
            [.. modules.Select(module => ($"model.{module}", randn([2, 8], generator: generator), randn([8, 2], generator: generator)))];
        using var adapter = BartAdapter(products);
        using var changed = ForeignFolder.Copy(writer.Path);
        var weights = changed.Read("model.safetensors");
        foreach (var (module, a, b) in products)
            weights[$"{module}.weight"] = weights[$"{module}.weight"] + matmul(b, a) * Scale;
        changed.Write("model.safetensors", weights);
        using var nothing = BartAdapter(products.Select(product => product with { B = zeros_like(product.B) }));

        using var model = PeftGoldenTests.Import(adapter, encoder);
        using var merged = PeftGoldenTests.Import(nothing, changed);
        using var plain = PeftGoldenTests.Import(nothing, encoder);
        EncodedRow[] rows =
        [
            new([5, 9, 70, 71, 2], new int[5]) { DecoderIds = [2, 0, 80] },
            new([8, 90, 2], new int[3]) { DecoderIds = [2, 0, 81] },
        ];
        var batch = EncodedRow.Collate(rows, padId: 1, CPU);
        var logits = ImportedScores.OfLanguageModel(model, batch);
        ImportedScores.AreClose(ImportedScores.OfLanguageModel(merged, batch), logits);
        Assert.IsGreaterThan(0.01, (ImportedScores.OfLanguageModel(plain, batch) - logits).abs().max().item<float>());

        using var exported = new TemporaryDirectory();
        model.ExportPeft(exported.Path);
        var settings = JsonNode.Parse(File.ReadAllText(exported.File(Settings)))!;
        Assert.AreEqual("SEQ_2_SEQ_LM", (string?)settings["task_type"]);
        Assert.IsFalse((bool)settings["fan_in_fan_out"]!);
        using var again = PTuningV2Transformer.ImportPeft(new MLContext(1), exported.Path);
        Assert.IsTrue(ImportedScores.OfLanguageModel(again, batch).equal(logits).all().item<bool>());
    }

    [TestMethod]
    public void What_would_write_otherwise_is_refused()
    {
        using var writer = new TinyWriter("bart");
        using var bart = ForeignFolder.Copy(writer.Path);
        using var gpt2 = ForeignFolder.PeftEncoder("gpt2");
        using var prompts = Bent("prompt-tuning", settings => (settings["task_type"], settings["num_transformer_submodules"]) = ("SEQ_2_SEQ_LM", 2));
        AssertRefused(prompts, bart, "peft_type is PROMPT_TUNING with task_type SEQ_2_SEQ_LM, expected LORA: what PEFT's prompts do in the decoder");
        using var ofOneDecoder = Bent("prefix-tuning", _ => { });
        AssertRefused(ofOneDecoder, bart, "has the task_type CAUSAL_LM, but the language models of bart are for SEQ_2_SEQ_LM");
        using var ofEncoderAndDecoder = BartAdapter([]);
        AssertRefused(ofEncoderAndDecoder, gpt2, "has the task_type SEQ_2_SEQ_LM, but the language models of gpt2 are for CAUSAL_LM");
        using var twice = Bent("prefix-tuning", settings => settings["num_transformer_submodules"] = 2);
        AssertRefused(twice, gpt2, "num_transformer_submodules is 2");
        using var head = Bent("lora", _ => { });
        head.Write(Weights, head.Read(Weights).Append(new("base_model.model.lm_head.weight", ones(60, 32))));
        AssertRefused(head, gpt2, "base_model.model.lm_head.weight F32 [60, 32]");
    }

    [TestMethod]
    public void Prompts_for_an_unnamed_task_are_refused_over_an_encoder_with_a_decoder()
    {
        using var writer = new TinyWriter("bart");
        using var adapter = Bent("prompt-tuning", settings => settings.Remove("task_type"));
        var options = writer.Options();
        var refused = Assert.ThrowsExactly<InvalidDataException>(() => PTuningV2Transformer.ImportPeft(writer.Context, adapter.Path, options));
        StringAssert.Contains(refused.Message, "has prompts for bart, expected LORA");
    }

    [TestMethod]
    public void Options_and_heads_of_other_tasks_are_refused()
    {
        using var text = ForeignFolder.Copy("peft/gpt2.lora");
        var refused = Assert.ThrowsExactly<InvalidDataException>(() =>
            PTuningV2Transformer.ImportPeft(new MLContext(1), text.Path, new PTuningV2Trainer.MulticlassOptions()));
        StringAssert.Contains(refused.Message, "has a head for texts that are written, but MulticlassOptions are for texts");
        using var classes = ForeignFolder.Copy("peft/bert.lora");
        refused = Assert.ThrowsExactly<InvalidDataException>(() =>
            PTuningV2Transformer.ImportPeft(new MLContext(1), classes.Path, new PTuningV2Trainer.TextGenerationOptions()));
        StringAssert.Contains(refused.Message, "has a head for texts, but TextGenerationOptions are for texts that are written");
    }

    [TestMethod]
    public void Prefix_over_bart_is_not_exported()
    {
        using var writer = new TinyWriter("bart");
        using var model = writer.Trainer(writer.Options()).Fit(writer.Context.Data.LoadFromEnumerable(TinyWriter.Pairs(4)));
        using var folder = new TemporaryDirectory();
        var refused = Assert.ThrowsExactly<NotSupportedException>(() => model.ExportPeft(folder.Path));
        StringAssert.Contains(refused.Message, "the method is p-tuning-v2 over bart, and what PEFT's prompts do in the decoder");
    }

    private static PTuningV2Transformer Import(string method, out ForeignFolder encoder)
    {
        encoder = ForeignFolder.PeftEncoder("gpt2");
        using var adapter = ForeignFolder.Copy($"peft/gpt2.{method}");
        return PeftGoldenTests.Import(adapter, encoder);
    }

    private static ForeignFolder Bent(string method, Action<JsonObject> bend) => ForeignFolder.Copy($"peft/gpt2.{method}").Bend(Settings, bend);

    private static ForeignFolder BartAdapter(IEnumerable<(string Module, Tensor A, Tensor B)> products)
    {
        var adapter = Bent("lora", settings =>
        {
            (settings["task_type"], settings["fan_in_fan_out"], settings["r"]) = ("SEQ_2_SEQ_LM", false, 2);
            settings["target_modules"] = new JsonArray("q_proj", "v_proj");
        });
        return adapter.Write(Weights, products.SelectMany(product => (KeyValuePair<string, Tensor>[])
        [
            new($"base_model.model.{product.Module}.lora_A.weight", product.A), new($"base_model.model.{product.Module}.lora_B.weight", product.B),
        ]));
    }

    private static int[] Greedy(PTuningV2Transformer model, int[] row, int count)
    {
        using var scope = NewDisposeScope();
        List<long> ids = [.. row.Select(id => (long)id)];
        while (ids.Count < row.Length + count)
        {
            var text = tensor(ids.ToArray(), 1, ids.Count);
            var logits = ImportedScores.OfLanguageModel(model, new EncodedBatch(text, zeros_like(text), Mask: null));
            var next = logits[0, ^1].argmax().item<long>();
            if (next == 0)
                break; // The end of the text.
            ids.Add(next);
        }
        return [.. ids.Skip(row.Length).Select(id => (int)id)];
    }

    private static IReadOnlyList<int>[] Write(PTuningV2Transformer model, TextPart[] parts, bool keeps)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var (tokenizer, settings) = (model.Model.Tokenizer, ((TextGeneration)model.Model.Task).Generation);
        var batch = EncodedRow.Collate([.. parts.Select(part => part.Row)], tokenizer.PadId, CPU);
        using var stream = new TokenStream(model.Model.Network.Encoder, model.Model.Tensors, batch, keeps);
        var written = ITextSearch.For(settings, new(tokenizer.Generation!.End)).Write(stream, [.. parts.Select(_ => 0)], () => { });
        return [.. written.Select(texts => texts[0].Tokens)];
    }

    private static string[] Texts(MLContext context, PTuningV2Transformer model)
    {
        var data = context.Data.LoadFromEnumerable(s_texts.Select(text => new TextPair { Text = text }));
        return [.. context.Data.CreateEnumerable<Written>(model.Transform(data), reuseRowObject: false).Select(row => row.GeneratedText)];
    }

    private static void AssertRefused(ForeignFolder adapter, ForeignFolder encoder, string message) =>
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => PeftGoldenTests.Import(adapter, encoder)).Message, message);
}
