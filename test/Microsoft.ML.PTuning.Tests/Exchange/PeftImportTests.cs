using System.Text.Json.Nodes;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Exchange;

/// <summary>Adapters of PEFT as a user imports them: tasks, classes, saving, and what is refused.</summary>
[TestClass]
public sealed class PeftImportTests
{
    private const string Settings = "adapter_config.json", Weights = "adapter_model.safetensors";

    [TestMethod]
    public void Imported_model_predicts_and_keeps_its_scores_when_it_is_saved()
    {
        using var encoder = ForeignFolder.PeftEncoder("bert");
        using var adapter = ForeignFolder.Copy("peft/bert.prefix-tuning");
        var context = new MLContext(1);
        using var model = PTuningV2Transformer.ImportPeft(
            context, adapter.Path, new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", Backbone = encoder.Path, MaxLength = 24 },
            classes: ["a", "b", "c"]);
        Ticket[] rows = [new() { Text = "w9 w10 w11" }, new() { Text = "w50 w40 w30 w20 w11" }];
        var data = context.Data.LoadFromEnumerable(rows);
        var scores = Scores.Read(context, model.Transform(data));

        CollectionAssert.AreEqual(new[] { "a", "b", "c" }, model.Classes.ToArray());
        using var engine = context.Model.CreatePredictionEngine<Ticket, TopicScores>(model);
        Scores.AssertEqual([scores[1]], [engine.Predict(rows[1])], 1e-5f);

        using var file = new MemoryStream();
        model.SaveTo(file);
        file.Position = 0;
        using var loaded = PTuningV2Transformer.LoadFrom(context, file);
        Scores.AssertEqual(scores, Scores.Read(context, loaded.Transform(data)));

        using var folder = new TemporaryDirectory();
        context.Model.Save(model, data.Schema, folder.File("model.zip"));
        var native = new MLContext().Model.Load(folder.File("model.zip"), out _);
        Scores.AssertEqual(scores, Scores.Read(context, native.Transform(data)));
        (native as IDisposable)?.Dispose();
    }

    [TestMethod]
    public void Training_goes_on_from_an_imported_model()
    {
        using var encoder = ForeignFolder.PeftEncoder("bert");
        using var adapter = ForeignFolder.Copy("peft/bert.prefix-tuning");
        var context = new MLContext(1);
        var options = new PTuningV2Trainer.MulticlassOptions
        {
            LabelColumnName = "Label", Sentence1ColumnName = "Text", Backbone = encoder.Path, MaxLength = 24, PrefixLength = 7, Pooling = Pooling.Checkpoint,
            LearningRate = 1e-9, MaxEpochs = 1,
        };
        using var model = PTuningV2Transformer.ImportPeft(
            context, adapter.Path, new PTuningV2Trainer.MulticlassOptions { Backbone = encoder.Path, MaxLength = 24, Sentence1ColumnName = "Text" },
            classes: Tickets.Topics);
        options.InitialModel = model;
        var data = Tickets.Keyed(context, Tickets.Rows(12));
        using var further = context.MulticlassClassification.Trainers.PTuningV2(options).Fit(data);
        Scores.AssertEqual(Scores.Read(context, model.Transform(data)), Scores.Read(context, further.Transform(data)), 1e-4f); // Steps of nearly nothing.
    }

    /// <summary>A prefix of PEFT is the official code's, so its vectors for tags and answers hold for PEFT's, too.</summary>
    [TestMethod]
    [DataRow("bert.token-classification", "TOKEN_CLS", "classifier")]
    [DataRow("roberta.token-classification", "TOKEN_CLS", "classifier")]
    [DataRow("bert.question-answering", "QUESTION_ANS", "qa_outputs")]
    [DataRow("roberta.question-answering", "QUESTION_ANS", "qa_outputs")]
    public void Adapters_for_tags_and_answers_give_the_logits(string name, string taskType, string head)
    {
        using var golden = new GoldenEncoder(Path.Combine(GoldenFiles.Root, "official", name), "init.", GoldenEncoder.IsOfTheEncoder);
        using var encoder = ForeignFolder.Copy(golden.Directory).WithTokenizer();
        using var adapter = ForeignFolder.Copy("peft/bert.prefix-tuning").Bend(Settings, settings => settings["task_type"] = taskType)
            .Write(Weights, new Dictionary<string, Tensor>
            {
                ["prompt_embeddings"] = golden.Tensors["init.prefix_encoder.embedding.weight"],
                [$"base_model.{head}.weight"] = golden.Tensors[$"init.{head}.weight"],
                [$"base_model.{head}.bias"] = golden.Tensors[$"init.{head}.bias"],
            });
        var context = new MLContext(1);
        PTuningV2Trainer.Options options = taskType == "TOKEN_CLS"
            ? new PTuningV2Trainer.NamedEntityOptions { Backbone = encoder.Path, Sentence1ColumnName = "Text" }
            : new PTuningV2Trainer.QuestionAnswerOptions { Backbone = encoder.Path, MaxLength = 60 };
        options.MaxLength = Math.Min(options.MaxLength, 60);
        if (options is PTuningV2Trainer.QuestionAnswerOptions answers)
            answers.DocumentStride = 8;
        using var model = PTuningV2Transformer.ImportPeft(context, adapter.Path, options);

        ImportedScores.AreClose(golden.Tensors, model);
        using var exported = new TemporaryDirectory();
        model.ExportPeft(exported.Path);
        var settings = JsonNode.Parse(File.ReadAllText(exported.File(Settings)))!;
        Assert.AreEqual(taskType, (string?)settings["task_type"]);
        CollectionAssert.AreEquivalent(
            new[] { "prompt_embeddings", $"base_model.{head}.weight", $"base_model.{head}.bias" },
            new SafetensorsReader(exported.File(Weights)).Names.ToArray());
    }

    /// <summary>Words are read as they are given, those of a text apart from punctuation.</summary>
    [TestMethod]
    public void Imported_tags_are_given_to_words_and_to_texts()
    {
        using var golden = new GoldenEncoder(Path.Combine(GoldenFiles.Root, "official", "bert.token-classification"), "init.", GoldenEncoder.IsOfTheEncoder);
        using var encoder = ForeignFolder.Copy(golden.Directory).WithTokenizer();
        using var adapter = ForeignFolder.Copy("peft/bert.prefix-tuning").Bend(Settings, settings => settings["task_type"] = "TOKEN_CLS")
            .Write(Weights, new Dictionary<string, Tensor>
            {
                ["prompt_embeddings"] = golden.Tensors["init.prefix_encoder.embedding.weight"],
                ["base_model.classifier.weight"] = golden.Tensors["init.classifier.weight"],
                ["base_model.classifier.bias"] = golden.Tensors["init.classifier.bias"],
            });
        var context = new MLContext(1);
        using var model = PTuningV2Transformer.ImportPeft(
            context, adapter.Path, new PTuningV2Trainer.NamedEntityOptions { Backbone = encoder.Path, Sentence1ColumnName = "Text", MaxLength = 24 },
            ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]);
        using var file = new MemoryStream();
        model.SaveTo(file);
        file.Position = 0;
        using var loaded = PTuningV2Transformer.LoadFrom(context, file);

        var ofText = loaded.Predict<Ticket, WordTags>([new Ticket { Text = "w9 w10 w11" }])[0];
        var ofWords = loaded.Predict<Words, WordTags>([new Words { Text = ["w9", "w10", "w11"] }])[0];
        Assert.HasCount(3, ofText.PredictedLabel);
        CollectionAssert.AreEqual(ofWords.PredictedLabel, ofText.PredictedLabel);
        CollectionAssert.AreEqual(ofWords.Score, ofText.Score);
    }

    /// <summary>Products for any linear layers give what the encoder gives with the products added to its weights by hand.</summary>
    [TestMethod]
    [DataRow("attention.output.dense", 0, false)]
    [DataRow("intermediate.dense", 0, false)]
    [DataRow("attention.self.key", 2, true)]
    [DataRow("output.dense", 1, true)]
    public void Products_of_any_layer_change_its_weight(string module, int layer, bool ranksAreStabilized)
    {
        const int Rank = 4, Alpha = 6;
        using var encoder = ForeignFolder.PeftEncoder("bert");
        using var adapter = ForeignFolder.Copy("peft/bert.lora").Bend(Settings, settings =>
            (settings["lora_alpha"], settings["use_rslora"], settings["layers_to_transform"]) = (Alpha, ranksAreStabilized, new JsonArray(layer)));
        var own = adapter.Read(Weights);
        var (a, b) = (randn([Rank, 32], generator: new Generator(1)) * 0.3, randn([32, Rank], generator: new Generator(2)) * 0.3);
        var name = $"bert.encoder.layer.{layer}.{module}";
        adapter.Write(Weights, own.Where(pair => pair.Key.Contains("classifier")).Append(new($"base_model.model.{name}.lora_A.weight", a))
            .Append(new($"base_model.model.{name}.lora_B.weight", b)).OrderBy(pair => pair.Key, StringComparer.Ordinal));
        using var model = PeftGoldenTests.Import(adapter, encoder);

        // The same head over weights that were changed by hand, with products of zeros.
        var scale = ranksAreStabilized ? Alpha / Math.Sqrt(Rank) : (double)Alpha / Rank;
        using var changed = ForeignFolder.PeftEncoder("bert");
        var weights = changed.Read("model.safetensors");
        weights[$"{name}.weight"] = weights[$"{name}.weight"] + matmul(b, a) * scale;
        changed.Write("model.safetensors", weights);
        using var empty = ForeignFolder.Copy("peft/bert.lora");
        empty.Write(Weights, own.Select(pair => pair.Key.Contains("lora_B") ? new(pair.Key, zeros_like(pair.Value)) : pair));
        using var merged = PeftGoldenTests.Import(empty, changed);

        var golden = ForeignFolder.Golden("peft/bert.lora");
        ImportedScores.AreClose(ImportedScores.Of(merged, golden), ImportedScores.Of(model, golden));
        var method = (LowRankAdaptation)model.Model.Method;
        Assert.AreEqual(layer == 0 ? 0 : 3 - layer, method.Layers);
    }

    [TestMethod]
    public void Classes_are_those_of_the_encoders_configuration()
    {
        using var encoder = ForeignFolder.PeftEncoder("bert").Bend("config.json", settings =>
            settings["id2label"] = new JsonObject { ["0"] = "good", ["2"] = "bad", ["1"] = "fair" });
        using var adapter = ForeignFolder.Copy("peft/bert.prompt-tuning");
        using var model = PeftGoldenTests.Import(adapter, encoder);
        CollectionAssert.AreEqual(new[] { "good", "fair", "bad" }, model.Classes.ToArray());
    }

    [TestMethod]
    public void Task_without_options_is_that_of_the_files()
    {
        using var encoder = ForeignFolder.PeftEncoder("bert").Bend("config.json", settings => settings["problem_type"] = "multi_label_classification");
        using var adapter = ForeignFolder.Copy("peft/bert.lora").Bend(Settings, settings => settings["base_model_name_or_path"] = encoder.Path);
        using var model = PTuningV2Transformer.ImportPeft(new MLContext(1), adapter.Path);
        Assert.IsInstanceOfType<MultiLabelClassification>(model.Model.Task);
        Assert.AreEqual(48, model.Model.Task.MaxLength); // The encoder's positions.

        var tensors = adapter.Read(Weights);
        adapter.Write(Weights, tensors.Select(pair => pair.Key.Contains("classifier") ? new(pair.Key, pair.Value[..1]) : pair));
        encoder.Bend("config.json", settings => settings.Remove("problem_type"));
        using var number = PTuningV2Transformer.ImportPeft(new MLContext(1), adapter.Path);
        Assert.IsInstanceOfType<TextRegression>(number.Model.Task);
    }

    [TestMethod]
    public void Fields_that_are_not_known_are_passed_over()
    {
        using var encoder = ForeignFolder.PeftEncoder("bert");
        using var adapter = ForeignFolder.Copy("peft/bert.lora").Bend(Settings, settings =>
            (settings["a_field_of_the_future"], settings["another"]) = (new JsonObject { ["x"] = 1 }, new JsonArray(1, "two", null)));
        using var model = PeftGoldenTests.Import(adapter, encoder);
        ImportedScores.AreClose(ForeignFolder.Golden("peft/bert.lora"), model);
    }

    [TestMethod]
    [DataRow("peft_type", "\"ADALORA\"", "peft_type is \"ADALORA\", expected one of PREFIX_TUNING, PROMPT_TUNING, P_TUNING, LORA")]
    [DataRow("task_type", "\"FEATURE_EXTRACTION\"", "expected one of SEQ_CLS, TOKEN_CLS, QUESTION_ANS, CAUSAL_LM, SEQ_2_SEQ_LM")]
    [DataRow("use_dora", "true", "DoRA scales the weights")]
    [DataRow("bias", "\"all\"", "bias is \"all\", expected one of none")]
    [DataRow("rank_pattern", "{\"query\": 2}", "all products have the rank r")]
    [DataRow("init_lora_weights", "\"pissa\"", "init_lora_weights is \"pissa\"")]
    [DataRow("r", "0", "r is 0, expected a whole number from 1")]
    public void Setting_that_would_change_scores_is_refused(string field, string value, string message)
    {
        using var encoder = ForeignFolder.PeftEncoder("bert");
        using var adapter = ForeignFolder.Copy("peft/bert.lora").Bend(Settings, settings => settings[field] = JsonNode.Parse(value));
        AssertRefused(adapter, encoder, message);
    }

    [TestMethod]
    public void Tensor_that_nothing_reads_is_refused()
    {
        using var encoder = ForeignFolder.PeftEncoder("bert");
        using var adapter = ForeignFolder.Copy("peft/bert.lora");
        adapter.Write(Weights, adapter.Read(Weights).Append(new("base_model.model.bert.pooler.extra.weight", ones(2))));
        AssertRefused(adapter, encoder, "base_model.model.bert.pooler.extra.weight F32 [2]");
    }

    [TestMethod]
    public void Rank_beyond_the_weights_is_refused_before_numbers_are_made()
    {
        using var encoder = ForeignFolder.PeftEncoder("bert");
        using var adapter = ForeignFolder.Copy("peft/bert.lora").Bend(Settings, settings => settings["r"] = 2_000_000_000);
        AssertRefused(adapter, encoder, "Rank is 2000000000, but a weight that it changes has 32 inputs or outputs");
    }

    [TestMethod]
    public void Products_for_another_family_are_refused()
    {
        using var encoder = ForeignFolder.PeftEncoder("roberta");
        using var adapter = ForeignFolder.Copy("peft/bert.lora");
        AssertRefused(adapter, encoder, "changes no linear layer of this roberta encoder");
    }

    [TestMethod]
    public void Numbers_that_are_none_are_refused()
    {
        using var encoder = ForeignFolder.PeftEncoder("bert");
        using var adapter = ForeignFolder.Copy("peft/bert.prompt-tuning");
        var tensors = adapter.Read(Weights);
        tensors["prompt_embeddings"].select(0, 1).fill_(float.NaN);
        adapter.Write(Weights, tensors);
        AssertRefused(adapter, encoder, "tensor 'prompt_embeddings' has numbers that are infinite or none");
    }

    [TestMethod]
    public void Adapter_of_another_encoder_is_refused()
    {
        using var encoder = new TinyEncoder(); // 8 numbers, not 32.
        using var adapter = ForeignFolder.Copy("peft/bert.prefix-tuning");
        var refused = Assert.ThrowsExactly<InvalidDataException>(() => PTuningV2Transformer.ImportPeft(
            new MLContext(1), adapter.Path, new PTuningV2Trainer.MulticlassOptions { Backbone = encoder.Path, MaxLength = 8 }));
        StringAssert.Contains(refused.Message, "has the shape [7, 192], expected [7, 48] for this encoder");
    }

    [TestMethod]
    public void Head_that_nobody_saved_is_refused()
    {
        using var encoder = ForeignFolder.PeftEncoder("bert");
        encoder.Write("model.safetensors", encoder.Read("model.safetensors").Where(pair => !pair.Key.StartsWith("classifier", StringComparison.Ordinal)));
        using var adapter = ForeignFolder.Copy("peft/old-0.16.0/bert.prompt-tuning");
        AssertRefused(adapter, encoder, "PEFT 0.15.2 and 0.16.0 save none with prompts");
    }

    [TestMethod]
    public void Options_of_another_task_are_refused()
    {
        using var adapter = ForeignFolder.Copy("peft/bert.prefix-tuning");
        var refused = Assert.ThrowsExactly<InvalidDataException>(() =>
            PTuningV2Transformer.ImportPeft(new MLContext(1), adapter.Path, new PTuningV2Trainer.NamedEntityOptions()));
        StringAssert.Contains(refused.Message, "has a head for texts, but NamedEntityOptions are for tags");
    }

    [TestMethod]
    public void Number_of_classes_must_be_that_of_the_outputs()
    {
        using var encoder = ForeignFolder.PeftEncoder("bert");
        using var adapter = ForeignFolder.Copy("peft/bert.prefix-tuning");
        var options = new PTuningV2Trainer.MulticlassOptions { Backbone = encoder.Path, MaxLength = 24 };
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => PTuningV2Transformer.ImportPeft(new MLContext(1), adapter.Path, options, ["a", "b"])).Message,
            "There are 2 classes, but the head");
        var binary = new PTuningV2Trainer.BinaryOptions { Backbone = encoder.Path, MaxLength = 24 };
        StringAssert.Contains(
            Assert.ThrowsExactly<InvalidDataException>(() => PTuningV2Transformer.ImportPeft(new MLContext(1), adapter.Path, binary)).Message,
            "has 3 outputs, but binary-classification needs 2");
    }

    [TestMethod]
    [DataRow("\\\\computer\\share\\model")]
    [DataRow("//computer/share/model")]
    public void Encoder_on_another_computer_is_not_looked_for(string name)
    {
        using var adapter = ForeignFolder.Copy("peft/bert.prefix-tuning").Bend(Settings, settings => settings["base_model_name_or_path"] = name);
        StringAssert.Contains(
            Assert.ThrowsExactly<InvalidDataException>(() => PTuningV2Transformer.ImportPeft(new MLContext(1), adapter.Path)).Message,
            "folder of another computer");
    }

    [TestMethod]
    public void Folder_without_an_adapter_says_what_it_holds()
    {
        using var encoder = ForeignFolder.PeftEncoder("bert");
        StringAssert.Contains(
            Assert.ThrowsExactly<InvalidDataException>(() => PTuningV2Transformer.ImportPeft(new MLContext(1), encoder.Path)).Message,
            "does not hold an adapter of PEFT. It holds: config.json, model.safetensors, vocab.txt");
        using var adapter = ForeignFolder.Copy("peft/bert.prefix-tuning");
        StringAssert.Contains(
            Assert.ThrowsExactly<InvalidDataException>(() => PTuningV2Transformer.ImportAdapterHub(new MLContext(1), adapter.Path)).Message,
            "holds an adapter of PEFT, expected a prefix of AdapterHub. Import it with PTuningV2Transformer.ImportPeft");
        Assert.ThrowsExactly<DirectoryNotFoundException>(() => PTuningV2Transformer.ImportPeft(new MLContext(1), adapter.File("nowhere")));
    }

    private static void AssertRefused(ForeignFolder adapter, ForeignFolder encoder, string message) =>
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => PeftGoldenTests.Import(adapter, encoder)).Message, message);

    private sealed class Words
    {
        public string[] Text { get; set; } = [];
    }

    private sealed class WordTags
    {
        [KeyType(5)]
        public uint[] PredictedLabel { get; set; } = [];

        public float[] Score { get; set; } = [];
    }
}
