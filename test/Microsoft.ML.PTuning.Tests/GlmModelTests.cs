using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tokenization;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>What only GLM has in tasks over words; <see cref="DecoderFamiliesTests"/> has every method and task.</summary>
[TestClass]
[DoNotParallelize]
public sealed class GlmModelTests
{
    private const string Gap = "{text} {mask}";

    private static readonly MLContext Context = new(1);

    private readonly TinyEncoder _glm = new(new TinyCheckpoint("glm", bend: configuration => configuration["vocab_size"] = 34));
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
        ["recomputing", null, new Action<PTuningV2Trainer.MulticlassOptions>(options => options.RecomputeActivations = true)],
        ["trained pooling", null, new Action<PTuningV2Trainer.MulticlassOptions>(options => options.Pooling = Pooling.Trained)],
        ["prompt that is embedded twice", new PromptTuning { Length = 2, EmbedsTwice = true }, new Action<PTuningV2Trainer.MulticlassOptions>(_ => { })],
        ["prompt in places of the pattern", new PTuningV1 { Length = 3 },
            new Action<PTuningV2Trainer.MulticlassOptions>(options => options.Pattern = "{prompt} {text} {prompt:2}")],
        ["words", null, new Action<PTuningV2Trainer.MulticlassOptions>(options => (options.Pattern, options.Verbalizer) = ("{text} {mask}", Words))],
        ["words of several tokens", null,
            new Action<PTuningV2Trainer.MulticlassOptions>(options => (options.Pattern, options.Verbalizer) = ("{text} {mask}", LongWords))],
    ];

    private static Verbalizer Words => new() { ["billing"] = ["invoice"], ["software"] = ["error"], ["delivery"] = ["parcel"] };

    private static Verbalizer LongWords => new()
    {
        ["billing"] = ["invoice charge", "card"], ["software"] = ["error", "crash report"], ["delivery"] = ["my parcel is late"],
    };

    [TestCleanup]
    public void Delete() => _glm.Dispose();

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Classes_are_the_same_row_by_row_and_after_saving(
        string name, TuningMethod? method, Action<PTuningV2Trainer.MulticlassOptions> change)
    {
        var options = new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Backbone = _glm.Path,
            Method = method,
            MaxLength = 14,
            MaxEpochs = 3,
            LearningRate = 0.02,
            Advanced = { Shards = 2 },
            Seed = 1,
        };
        change(options);
        using var model = Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(Data);
        Assert.IsTrue(model.Summary!.Epochs.All(epoch => double.IsFinite(epoch.Loss)), name);

        using var loaded = Reload(model);

        var scores = Scores.Read(Context, model.Transform(Data));
        Scores.AssertEqual(scores, Scores.Read(Context, loaded.Transform(Data)));
        using var engine = Context.Model.CreatePredictionEngine<Ticket, TopicScores>(loaded, new PredictionEngineOptions { OwnsTransformer = false });
        Scores.AssertEqual(scores, [.. _rows.Select(row => new TopicScores { Score = [.. engine.Predict(row).Score] })], 1e-5f);
    }

    /// <summary>A class has the probability of its words among those of all classes (Du et al. 2022, section 2.3).</summary>
    [TestMethod]
    public void Words_of_several_tokens_have_the_probability_that_they_fill_the_gap()
    {
        using var model = Zero(LongWords);
        using var encoder = Backbone.Load(_glm.Path, CPU);
        using var language = encoder.WithLanguageHead(_glm.Path);
        var tokenizer = TextTokenizer.Load(_glm.Path, "glm");

        var scores = Scores.Read(Context, model.Transform(Data));

        using var scope = NewDisposeScope();
        foreach (var (row, score) in _rows.Zip(scores))
        {
            var text = ClozePattern.Parse(Gap).Encode(tokenizer, row.Text, second: null, maxLength: 14).Row;
            double[] classes = [.. Tickets.Topics.Select(topic => LongWords[topic].Sum(word => ProbabilityOf(text, word)))];
            foreach (var (own, expected) in score.Score.Zip(classes))
                Assert.AreEqual(expected / classes.Sum(), own, 1e-5);
        }

        double ProbabilityOf(EncodedRow text, string word)
        {
            long[] ids = [.. tokenizer.TokenizeWord(word).Select(token => (long)token.Id)];
            var logs = 0.0;
            for (var written = 0; written < ids.Length; written++)
            {
                var read = text with { DecoderIds = [.. text.DecoderIds, .. ids[..written].Select(id => (int)id)] };
                var states = language.Forward(EncodedRow.Collate([read], tokenizer.PadId, CPU));
                var next = nn.functional.log_softmax(language.LanguageHead!.Forward(states[0]), 1)[^1];
                logs += next[ids[written]].item<float>();
            }
            return Math.Exp(logs);
        }
    }

    [TestMethod]
    public void Words_of_several_tokens_are_not_explained()
    {
        using var model = Zero(LongWords);

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => model.ExplainPrediction(new Ticket { Text = "my card was late" }));

        StringAssert.Contains(refusal.Message, "words of several tokens");
    }

    [TestMethod]
    public void Words_that_explain_a_class_are_those_of_the_text()
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

    /// <summary>A model that answers as the language model does.</summary>
    private PTuningV2Transformer Zero(Verbalizer words)
    {
        var options = _glm.Options();
        (options.PrefixLength, options.MaxLength, options.Pattern, options.Verbalizer) = (0, 14, Gap, words);
        return Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(Data);
    }

    private static PTuningV2Transformer Reload(PTuningV2Transformer model)
    {
        using var stream = new MemoryStream();
        model.SaveTo(stream);
        stream.Position = 0;
        return PTuningV2Transformer.LoadFrom(Context, stream);
    }
}
