using System.Text.Json.Nodes;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tokenization;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Tasks over tiny GLMs of random weights, from their files to saved models.</summary>
[TestClass]
[DoNotParallelize]
public sealed class GlmModelTests
{
    private static readonly MLContext Context = new(1);

    private readonly TinyEncoder _glm = new(new TinyCheckpoint("glm", bend: Bend));
    private readonly IReadOnlyList<Ticket> _rows = Tickets.Rows(24);

    public GlmModelTests()
    {
        var added = TokenizerFolder.BertTokens.Length + Tickets.Words.Length;
        File.WriteAllText(_glm.Checkpoint.WeightsPath.Replace("model.safetensors", "tokenizer_config.json"), """{ "tokenizer_class": "GLMBertTokenizer" }""");
        File.WriteAllText(
            _glm.Checkpoint.WeightsPath.Replace("model.safetensors", "added_tokens.json"),
            $$"""{ "<|startofpiece|>": {{added}}, "<|endofpiece|>": {{added + 1}}, "[gMASK]": {{added + 2}} }""");
    }

    private IDataView Data => Tickets.Keyed(Context, _rows);

    public static IEnumerable<object?[]> Methods =>
    [
        ["prefix", null, new Action<PTuningV2Trainer.MulticlassOptions>(options => options.PrefixLength = 3)],
        ["prefix in one layer", null, new Action<PTuningV2Trainer.MulticlassOptions>(options => options.PrefixLayers = 1)],
        ["recomputing", null, new Action<PTuningV2Trainer.MulticlassOptions>(options => options.RecomputeActivations = true)],
        ["trained pooling", null, new Action<PTuningV2Trainer.MulticlassOptions>(options => options.Pooling = Pooling.Trained)],
        ["LoRA", new LowRankAdaptation { Rank = 2 }, new Action<PTuningV2Trainer.MulticlassOptions>(_ => { })],
        ["BitFit", new BitFit(), new Action<PTuningV2Trainer.MulticlassOptions>(_ => { })],
        ["fine-tuning", new FineTuning(), new Action<PTuningV2Trainer.MulticlassOptions>(_ => { })],
        ["prompt", new PromptTuning { Length = 2 }, new Action<PTuningV2Trainer.MulticlassOptions>(_ => { })],
        ["prompt that is embedded twice", new PromptTuning { Length = 2, EmbedsTwice = true }, new Action<PTuningV2Trainer.MulticlassOptions>(_ => { })],
        ["prompt in places of the pattern", new PTuningV1 { Length = 3 },
            new Action<PTuningV2Trainer.MulticlassOptions>(options => options.Pattern = "{prompt} {text} {prompt:2}")],
        ["words", null, new Action<PTuningV2Trainer.MulticlassOptions>(options => (options.Pattern, options.Verbalizer) = ("{text} {mask}", Words))],
    ];

    private static Verbalizer Words => new() { ["billing"] = ["invoice"], ["software"] = ["error"], ["delivery"] = ["parcel"] };

    [TestCleanup]
    public void Delete() => _glm.Dispose();

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Every_method_learns_classes_and_a_saved_model_predicts_the_same(
        string name, TuningMethod? method, Action<PTuningV2Trainer.MulticlassOptions> change)
    {
        var options = new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Backbone = _glm.Path,
            Method = method,
            MaxLength = 14,
            MaxEpochs = 3,
            LearningRate = method is FineTuning ? 1e-3 : 0.02,
            Advanced = { Shards = 2 },
            Seed = 1,
        };
        change(options);
        using var model = Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(Data);
        var losses = model.Summary!.Epochs.Select(epoch => epoch.Loss).ToArray();
        Assert.IsLessThan(losses[0], losses[^1], name);

        using var loaded = Reload(model);

        var scores = Scores.Read(Context, model.Transform(Data));
        Scores.AssertEqual(scores, Scores.Read(Context, loaded.Transform(Data)));
        using var engine = Context.Model.CreatePredictionEngine<Ticket, TopicScores>(loaded, new PredictionEngineOptions { OwnsTransformer = false });
        Scores.AssertEqual(scores, [.. _rows.Select(row => new TopicScores { Score = [.. engine.Predict(row).Score] })], 1e-5f);
    }

    [TestMethod]
    public void Words_that_explain_a_class_are_those_of_the_text_and_add_up()
    {
        using var model = Context.MulticlassClassification.Trainers.PTuningV2(_glm.Options()).Fit(Data);

        var words = model.ExplainPrediction(new Ticket { Text = "my card was late" });

        CollectionAssert.AreEqual(new[] { "my", "card", "was", "late" }, words.Select(word => word.Text).ToArray());
        Assert.IsTrue(words.Any(word => word.Weight != 0));
    }

    [TestMethod]
    public void Attention_to_the_prefix_is_a_share_of_all_tokens()
    {
        using var model = Context.MulticlassClassification.Trainers.PTuningV2(_glm.Options()).Fit(Data);

        var report = model.ExplainPrefix(Data);

        foreach (var layer in Enumerable.Range(0, 3))
            Assert.IsInRange(1e-6, 1, report.LayerMasses[layer]);
    }

    [TestMethod]
    public void Every_word_of_a_sentence_is_tagged()
    {
        using var tagging = new TinyTagging();
        var letters = TinyTagging.Sentences(12);
        var data = Context.Data.LoadFromEnumerable(letters.Select(sentence => new TaggedLetters
        {
            Words = [.. sentence.Words.Select(letter => Tickets.Words[letter[0] - 'a'])],
            Tags = sentence.Tags,
        }));
        var options = tagging.Options();
        options.Backbone = _glm.Path;
        var model = Context.Transforms.Conversion.MapValueToKey("Label", nameof(TaggedLetters.Tags))
            .Append(Context.MulticlassClassification.Trainers.PTuningV2NamedEntityRecognition(options))
            .Append(Context.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
            .Fit(data);
        using var tagger = (IDisposable)model;

        var tags = Context.Data.CreateEnumerable<LetterTags>(model.Transform(data), reuseRowObject: false).Select(row => row.PredictedLabel.Length);

        CollectionAssert.AreEqual(letters.Select(sentence => sentence.Words.Length).ToArray(), tags.ToArray());
    }

    /// <summary>GLM is read from the files of its Hugging Face port; ChatGLM's tokenizer is a small one of SentencePiece.</summary>
    [TestMethod]
    [DataRow("glm")]
    [DataRow("chatglm")]
    public void Texts_are_learned_and_a_saved_model_writes_the_same(string family)
    {
        using var chat = family == "chatglm" ? ChatGlm() : null;
        var data = Context.Data.LoadFromEnumerable(_rows.Select(row => new { row.Text, Label = "the " + row.Topic }));
        var options = new PTuningV2Trainer.TextGenerationOptions
        {
            Backbone = chat?.Path ?? _glm.Path,
            PrefixLength = 3,
            MaxLength = 16,
            MaxEpochs = 3,
            LearningRate = 0.05,
            Generation = new() { MaxNewTokens = 6, Beams = 2 },
            Seed = 1,
        };
        using var model = Context.MulticlassClassification.Trainers.PTuningV2TextGeneration(options).Fit(data);
        var losses = model.Summary!.Epochs.Select(epoch => epoch.Loss).ToArray();
        Assert.IsLessThan(losses[0], losses[^1]);

        using var loaded = Reload(model);

        var written = model.Transform(data).GetColumn<string>("GeneratedText").ToArray();
        Assert.HasCount(_rows.Count, written);
        CollectionAssert.AreEqual(written, loaded.Transform(data).GetColumn<string>("GeneratedText").ToArray());
    }

    private static PTuningV2Transformer Reload(PTuningV2Transformer model)
    {
        using var stream = new MemoryStream();
        model.SaveTo(stream);
        stream.Position = 0;
        return PTuningV2Transformer.LoadFrom(Context, stream);
    }

    private static void Bend(JsonObject configuration)
    {
        (configuration["num_layers"], configuration["max_sequence_length"], configuration["vocab_size"]) = (3, 40, 34);
        configuration.Remove("pad_token_id");
    }

    private static TinyCheckpoint ChatGlm()
    {
        var checkpoint = new TinyCheckpoint("chatglm", bend: configuration =>
        {
            Bend(configuration);
            (configuration["inner_hidden_size"], configuration["vocab_size"]) = (12, 600);
        });
        checkpoint.Tensors["lm_head.weight"] = new Draw().Normal(600, 8);
        using var folder = ChatGlmTokenizerTests.Copy("last", ChatGlmTokenizerTests.Last);
        foreach (var file in Directory.EnumerateFiles(folder.Path))
            File.Copy(file, Path.Combine(checkpoint.Path, Path.GetFileName(file)));
        return checkpoint.Save();
    }
}
