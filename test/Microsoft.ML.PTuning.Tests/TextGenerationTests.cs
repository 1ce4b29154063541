using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Generation;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Methods;
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

    /// <summary>The methods that need classes, or train a head, say so; all others train and write.</summary>
    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Every_method_writes_or_says_why_not(string family, string method)
    {
        string[] refused = ["linear probe", "prompt tuning from classes", "mixture", "deep mixture by input"];
        using var writer = new TinyWriter(family);
        var options = TuningMethods.All[method] is { } chosen ? Options(writer, chosen) : writer.Options();
        if (refused.Contains(method))
        {
            Assert.ThrowsExactly<InvalidOperationException>(() => Fit(writer, options));
            return;
        }

        using var model = Fit(writer, options);
        Assert.HasCount(Rows, Write(writer, model));
        foreach (var (one, other) in Tokens(model, new() { MaxNewTokens = 6 }).Zip(Tokens(model, new() { MaxNewTokens = 6 }, keeps: false)))
            CollectionAssert.AreEqual(one[0].Tokens.ToArray(), other[0].Tokens.ToArray());
    }

    public static IEnumerable<object[]> Methods =>
        from family in (string[])["gpt2", "bart", "glm", "chatglm"]
        from method in TuningMethods.All.Keys
        select new object[] { family, method };

    /// <summary>Half of the layers and rows of unequal length: layers with a prefix and without have masks of their own.</summary>
    [TestMethod]
    [DataRow("gpt2")]
    [DataRow("bart")]
    [DataRow("glm")]
    [DataRow("chatglm")]
    public void A_prefix_in_some_layers_writes_the_same_with_and_without_what_is_kept(string family)
    {
        using var writer = new TinyWriter(family);
        var options = writer.Options();
        options.PrefixLayers = 2;
        using var model = Fit(writer, options);

        foreach (var (one, other) in Tokens(model, new() { MaxNewTokens = 6 }).Zip(Tokens(model, new() { MaxNewTokens = 6 }, keeps: false)))
            CollectionAssert.AreEqual(one[0].Tokens.ToArray(), other[0].Tokens.ToArray());
    }

    /// <summary>Two of three tokens stop a text, so that most candidates of a step end.</summary>
    [TestMethod]
    public void Beams_go_on_where_most_candidates_end()
    {
        using var writer = new TinyWriter("gpt2");
        using var model = Fit(writer, writer.Options());
        bool Stops(IReadOnlyList<int> tokens) => tokens[^1] % 3 != 0;

        var greedy = Tokens(model, new() { MaxNewTokens = 5, LengthPenalty = 0 }, stops: Stops);
        var beams = Tokens(model, new() { MaxNewTokens = 5, LengthPenalty = 0, Beams = 2 }, stops: Stops);

        for (var row = 0; row < greedy.Length; row++)
            Assert.IsGreaterThanOrEqualTo(greedy[row][0].LogProbability - 1e-5, beams[row][0].LogProbability);
        Assert.IsTrue(Tokens(model, new() { MaxNewTokens = 5, Beams = 2 }, stops: _ => true).All(row => row[0].Tokens.Count == 1));
    }

    [TestMethod]
    public void Text_that_reaches_its_largest_length_is_closed_where_the_model_says_so()
    {
        using var writer = new TinyWriter("gpt2");
        using var model = Fit(writer, writer.Options());

        foreach (var beams in (int[])[1, 3])
            foreach (var row in Tokens(model, new() { MaxNewTokens = 4, MinNewTokens = 4, Beams = beams }, isForced: true))
                Assert.AreEqual((3, true), (row[0].Tokens.Count, row[0].Ended));
    }

    /// <summary>On the caller's thread, so that no worker is held.</summary>
    [TestMethod]
    public void What_is_told_a_text_may_ask_a_model()
    {
        using var writer = new TinyWriter("gpt2");
        using var model = Fit(writer, writer.Options(new() { MaxNewTokens = 6, MinNewTokens = 6 }));
        var thread = Environment.CurrentManagedThreadId;
        var answers = new List<string>();

        model.GenerateText("ab", _ =>
        {
            Assert.AreEqual(thread, Environment.CurrentManagedThreadId);
            answers.Add(model.GenerateText("cd", _ => { }));
        });

        Assert.IsGreaterThan(0, answers.Count);
        Assert.HasCount(1, answers.Distinct());
        Assert.ThrowsExactly<FormatException>(() => model.GenerateText("ab", _ => throw new FormatException()));
    }

    [TestMethod]
    public void Texts_and_classes_share_a_prefix()
    {
        using var writer = new TinyWriter("gpt2");
        var data = writer.Context.Data.LoadFromEnumerable(TinyWriter.Pairs(Rows));
        var keyed = writer.Context.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
        var trainer = new PTuningV2MultiTaskTrainer(writer.Context, new PTuningV2MultiTaskTrainer.Options
        {
            Backbone = writer.Path, PrefixLength = 3, MaxEpochs = 1, Seed = 1,
        });
        var models = trainer.Fit(new Dictionary<string, PTuningV2MultiTaskData>
        {
            ["text"] = new(new PTuningV2Trainer.TextGenerationOptions { MaxLength = 24, Generation = new() { MaxNewTokens = 6 } }, data),
            ["class"] = new(new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text", MaxLength = 24 }, keyed),
        });

        Assert.HasCount(Rows, Write(writer, models["text"]));
        Assert.HasCount(Rows, models["class"].Transform(keyed).Preview(Rows).RowView);
        foreach (var model in models.Values)
            model.Dispose();
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
        StringAssert.Contains(
            Refusal(writer.Options(new() { MaxNewTokens = 38 })),
            "PrefixLength 3 and MaxLength 24, with 38 tokens for what is written, together exceed the 64 positions of the backbone. Use a MaxLength of 23 or less");
        options.Backbone = null;
        StringAssert.Contains(Refusal(options), "Backbone is null, but the default encoder does not write text");
        using var largest = Fit(writer, writer.Options(new() { MaxNewTokens = 37, MinNewTokens = 37 }));
        Assert.HasCount(Rows, Write(writer, largest));
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
    private static WrittenText[][] Tokens(
        PTuningV2Transformer model, GenerationSettings generation, bool keeps = true, Func<IReadOnlyList<int>, bool>? stops = null, bool isForced = false)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var (tokenizer, task) = (model.Model.Tokenizer, (TextGeneration)model.Model.Task);
        TextPart[] parts = [.. TinyWriter.Pairs(4).Select(pair => (TextPart)task.Encode(tokenizer, pair.Text, target: null).Parts[0])];
        var batch = EncodedRow.Collate([.. parts.Select(part => part.Row)], tokenizer.PadId, CPU);
        using var stream = new TokenStream(model.Model.Network.Encoder, model.Model.Tensors, batch, keeps);
        return ITextSearch.For(generation, new(tokenizer.Generation!.End, stops, isForced)).Write(stream, [0, 1, 2, 3], () => { });
    }
}
