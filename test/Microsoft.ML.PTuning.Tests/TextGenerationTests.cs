using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Generation;
using Microsoft.ML.PTuning.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Text generation as users call it, on tiny language models.</summary>
[TestClass]
public sealed class TextGenerationTests
{
    private const int Rows = 24;

    public static IEnumerable<object[]> Families => [["gpt2"], ["bart"], ["glm"], ["chatglm"], [TinyWriter.WordPieces]];

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Training_lowers_the_loss(string family)
    {
        using var writer = new TinyWriter(family);
        var options = writer.Options();
        (options.MaxEpochs, options.BatchSize, options.LearningRate) = (20, 4, 0.1);
        using var model = Fit(writer, options);

        var losses = model.Summary!.Epochs.Select(epoch => epoch.Loss).ToArray();
        Assert.IsLessThan(0.9 * losses[0], losses[^1]);
    }

    /// <summary>Fine-tuning, since a prefix cannot make a random model write.</summary>
    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Texts_that_were_learned_are_written(string family)
    {
        using var writer = new TinyWriter(family);
        var options = Options(writer, new FineTuning());
        (options.MaxEpochs, options.LearningRate, options.BatchSize) = (40, 1e-2, 8);
        var data = writer.Context.Data.LoadFromEnumerable(TinyWriter.Pairs(Rows));
        using var model = writer.Trainer(options).Fit(data);

        var metrics = writer.Context.MulticlassClassification.EvaluateText(model.Transform(data));
        Assert.AreEqual(1, metrics.ExactMatch);
    }

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Row_by_itself_gives_the_text_that_it_gives_among_others(string family)
    {
        foreach (var generation in (GenerationSettings[])
            [
                new() { MaxNewTokens = 8 },
                new() { MaxNewTokens = 8, Beams = 3, Candidates = 2 },
                new() { MaxNewTokens = 8, Samples = true, TopK = 5, Seed = 3 },
            ])
        {
            using var writer = new TinyWriter(family);
            using var model = Fit(writer, writer.Options(generation));
            using var engine = writer.Context.Model.CreatePredictionEngine<TextPair, Written>(model);

            var together = Write(writer, model);
            var apart = TinyWriter.Pairs(Rows).Select(engine.Predict).ToArray();

            CollectionAssert.AreEqual(together.Select(row => row.GeneratedText).ToArray(), apart.Select(row => row.GeneratedText).ToArray());
            foreach (var (one, other) in together.Zip(apart))
            {
                CollectionAssert.AreEqual(one.Candidates, other.Candidates);
                Assert.AreEqual(one.Score[0], other.Score[0], 1e-5);
            }
        }
    }

    [TestMethod]
    public void Model_that_writes_is_served_beside_others()
    {
        using var writer = new TinyWriter("gpt2");
        using var model = Fit(writer, writer.Options());
        using var other = Fit(writer, writer.Options(new() { MaxNewTokens = 2 }));
        using var predictor = new PTuningV2MultiTaskPredictor(writer.Context);
        predictor.Add("long", model);
        predictor.Add("short", other);
        using var engine = writer.Context.Model.CreatePredictionEngine<TextPair, Written>(model);

        foreach (var row in TinyWriter.Pairs(4))
            Assert.AreEqual(engine.Predict(row).GeneratedText, predictor.PredictAsync<TextPair, Written>("long", row).Result.GeneratedText);
    }

    [TestMethod]
    public void Candidates_come_best_first()
    {
        using var writer = new TinyWriter("gpt2");
        using var model = Fit(writer, writer.Options());
        var several = Tokens(model, new() { MaxNewTokens = 5, Beams = 4, Candidates = 4 });
        var greedy = Tokens(model, new() { MaxNewTokens = 5 });

        for (var row = 0; row < several.Length; row++)
        {
            var scores = several[row].Select(text => text.Score(penalty: 1)).ToArray();
            Assert.HasCount(4, several[row].Select(text => string.Join(' ', text.Tokens)).Distinct());
            CollectionAssert.AreEqual(scores.OrderDescending().ToArray(), scores);
            Assert.IsGreaterThanOrEqualTo(greedy[row][0].LogProbability - 1e-5, several[row].Max(text => text.LogProbability));
        }
    }

    [TestMethod]
    public void Draws_depend_on_the_seed_and_narrow_draws_are_the_most_probable_tokens()
    {
        using var writer = new TinyWriter("gpt2");
        string[] Texts(GenerationSettings generation)
        {
            using var model = Fit(writer, writer.Options(generation));
            return [.. Write(writer, model).Select(row => row.GeneratedText)];
        }

        var first = Texts(new() { MaxNewTokens = 8, Samples = true, Seed = 1 });
        CollectionAssert.AreEqual(first, Texts(new() { MaxNewTokens = 8, Samples = true, Seed = 1 }));
        CollectionAssert.AreNotEqual(first, Texts(new() { MaxNewTokens = 8, Samples = true, Seed = 2 }));

        var greedy = Texts(new() { MaxNewTokens = 8 });
        CollectionAssert.AreEqual(greedy, Texts(new() { MaxNewTokens = 8, Samples = true, TopK = 1 }));
        CollectionAssert.AreEqual(greedy, Texts(new() { MaxNewTokens = 8, Samples = true, TopP = 1e-6 }));
        CollectionAssert.AreEqual(greedy, Texts(new() { MaxNewTokens = 8, Samples = true, Temperature = 1e-3 }));
    }

    [TestMethod]
    public void Text_ends_in_front_of_a_stop_text()
    {
        using var writer = new TinyWriter("gpt2");
        using var free = Fit(writer, writer.Options(new() { MaxNewTokens = 12 }));
        var whole = Write(writer, free).Select(row => row.GeneratedText).First(text => text.Length > 6);
        var stop = whole.Substring(3, 2);
        foreach (var beams in (int[])[1, 3])
        {
            using var stopped = Fit(writer, writer.Options(new() { MaxNewTokens = 12, Beams = beams, StopTexts = [stop] }));
            var texts = Write(writer, stopped).Select(row => row.GeneratedText).ToArray();
            Assert.IsFalse(texts.Any(text => text.Contains(stop, StringComparison.Ordinal)));
            if (beams == 1)
                CollectionAssert.Contains(texts, whole[..whole.IndexOf(stop, StringComparison.Ordinal)].Trim());
        }
    }

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Text_is_told_while_it_is_written(string family)
    {
        using var writer = new TinyWriter(family);
        using var model = Fit(writer, writer.Options(new() { MaxNewTokens = 12, StopTexts = ["zz"] }));
        foreach (var row in Write(writer, model).Zip(TinyWriter.Pairs(Rows)).Take(4))
        {
            var pieces = new List<string>();
            var written = model.GenerateText(row.Second.Text, pieces.Add);

            Assert.AreEqual(row.First.GeneratedText, written);
            Assert.AreEqual(written, string.Concat(pieces).Trim());
            CollectionAssert.DoesNotContain(pieces, "");
        }
    }

    [TestMethod]
    public void Writing_can_be_cancelled_between_tokens()
    {
        using var writer = new TinyWriter("gpt2");
        using var model = Fit(writer, writer.Options(new() { MaxNewTokens = 30, MinNewTokens = 30 }));
        using var cancellation = new CancellationTokenSource();
        var pieces = 0;

        Assert.ThrowsExactly<OperationCanceledException>(() => model.GenerateText("ab", _ =>
        {
            if (++pieces == 3)
                cancellation.Cancel();
        }, cancellation.Token));
        Assert.AreEqual(3, pieces);
    }

    [TestMethod]
    public void What_cannot_write_is_refused_before_training()
    {
        using var writer = new TinyWriter("gpt2");
        using var encoder = new TinyEncoder(TinyLanguageModel.Checkpoint());
        var options = writer.Options();
        options.Backbone = encoder.Path;
        StringAssert.Contains(Refusal(options), "does not write text. Use a language model: gpt2");
        StringAssert.Contains(Refusal(Options(writer, new LinearProbe())), "trains the head alone");
        StringAssert.Contains(Refusal(writer.Options(new() { MaxNewTokens = 60 })), "64 positions");
        using var bart = new TinyWriter("bart");
        options = bart.Options();
        options.ContinuesText = true;
        StringAssert.Contains(Refusal(options), "what bart writes begins with a token of its own");

        string Refusal(PTuningV2Trainer.TextGenerationOptions refused) => Assert.ThrowsExactly<InvalidOperationException>(() => Fit(writer, refused)).Message;
    }

    /// <summary>Fine-tuning, since a prefix cannot make a random model write.</summary>
    [TestMethod]
    [DataRow("gpt2")]
    [DataRow(TinyWriter.WordPieces)]
    public void Text_may_go_on_without_a_token_between(string kind)
    {
        using var writer = new TinyWriter(kind);
        var options = Options(writer, new FineTuning());
        (options.MaxEpochs, options.LearningRate, options.BatchSize, options.ContinuesText) = (40, 1e-2, 8, true);
        using var model = writer.Trainer(options).Fit(writer.Context.Data.LoadFromEnumerable(TinyWriter.Pairs(Rows).Append(new() { Text = "b", Label = "x" })));

        CollectionAssert.AreEqual(TinyWriter.Pairs(Rows).Select(pair => pair.Label).ToArray(), Write(writer, model).Select(row => row.GeneratedText).ToArray());
        Assert.AreEqual("x", model.GenerateText("b", _ => { })); // A single token: nothing but [CLS] stands before it.
    }

    [TestMethod]
    public void Settings_that_exclude_each_other_are_refused()
    {
        foreach (var (generation, name) in ((GenerationSettings, string)[])
            [
                (new() { MaxNewTokens = 0 }, "MaxNewTokens"),
                (new() { MinNewTokens = 65 }, "MinNewTokens"),
                (new() { Candidates = 2 }, "Candidates"),
                (new() { Beams = 2, Samples = true }, "Samples"),
                (new() { Temperature = 0.5 }, "Samples"),
                (new() { Samples = true, Temperature = 0 }, "Temperature"),
                (new() { Samples = true, TopP = 0 }, "TopP"),
                (new() { RepetitionPenalty = 0 }, "RepetitionPenalty"),
                (new() { StopTexts = [""] }, "StopTexts"),
            ])
        {
            using var writer = new TinyWriter("gpt2");
            var refused = Assert.Throws<ArgumentException>(() => writer.Trainer(writer.Options(generation)));
            Assert.AreEqual(name, refused.ParamName);
        }
    }

    [TestMethod]
    public void Tokens_that_were_written_are_discouraged_and_the_end_waits()
    {
        using var writer = new TinyWriter("gpt2");
        using var model = Fit(writer, writer.Options());

        foreach (var beams in (int[])[1, 2])
            foreach (var row in Tokens(model, new() { MaxNewTokens = 12, MinNewTokens = 12, RepetitionPenalty = 1e6, Beams = beams }))
            {
                Assert.HasCount(12, row[0].Tokens);
                CollectionAssert.AllItemsAreUnique(row[0].Tokens.ToArray());
            }
    }

    private static PTuningV2Trainer.TextGenerationOptions Options(TinyWriter writer, TuningMethod method)
    {
        var options = writer.Options();
        return new()
        {
            Backbone = options.Backbone,
            Method = method,
            MaxLength = options.MaxLength,
            MaxEpochs = 1,
            Advanced = { Shards = 2 },
            Seed = 1,
            Generation = options.Generation,
        };
    }

    private static PTuningV2Transformer Fit(TinyWriter writer, PTuningV2Trainer.TextGenerationOptions options) =>
        writer.Trainer(options).Fit(writer.Context.Data.LoadFromEnumerable(TinyWriter.Pairs(Rows)));

    private static Written[] Write(TinyWriter writer, PTuningV2Transformer model) =>
    [
        .. writer.Context.Data.CreateEnumerable<Written>(
            model.Transform(writer.Context.Data.LoadFromEnumerable(TinyWriter.Pairs(Rows))), reuseRowObject: false),
    ];

    /// <summary>What a model writes for a few texts, by its tokens.</summary>
    private static WrittenText[][] Tokens(PTuningV2Transformer model, GenerationSettings generation)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var (tokenizer, task) = (model.Model.Tokenizer, (TextGeneration)model.Model.Task);
        TextPart[] parts = [.. TinyWriter.Pairs(4).Select(pair => (TextPart)task.Encode(tokenizer, pair.Text, target: null).Parts[0])];
        var batch = EncodedRow.Collate([.. parts.Select(part => part.Row)], tokenizer.PadId, CPU);
        using var stream = new TokenStream(model.Model.Network.Encoder, model.Model.Tensors, batch);
        return ITextSearch.For(generation, new(tokenizer.Generation!.End)).Write(stream, [0, 1, 2, 3], () => { });
    }
}
