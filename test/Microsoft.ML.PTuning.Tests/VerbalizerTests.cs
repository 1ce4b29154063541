using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Encoders;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Tasks asked as a gap that a language model fills.</summary>
[TestClass]
[DoNotParallelize]
public sealed class VerbalizerTests
{
    private static readonly MLContext Context = new(1);

    private readonly TinyEncoder _encoder = new(TinyLanguageModel.Checkpoint());
    private readonly IReadOnlyList<Ticket> _rows = Tickets.Rows(24);

    private IDataView Data => Tickets.Keyed(Context, _rows);

    [TestCleanup]
    public void Delete() => _encoder.Dispose();

    public static IEnumerable<object?[]> Methods =>
    [
        ["prefix", null, new Action<PTuningV2Trainer.MulticlassOptions>(_ => { })],
        ["prefix in one layer", null, new Action<PTuningV2Trainer.MulticlassOptions>(options => options.PrefixLayers = 1)],
        ["projection", null, new Action<PTuningV2Trainer.MulticlassOptions>(options => options.PrefixProjection = true)],
        ["recomputing", null, new Action<PTuningV2Trainer.MulticlassOptions>(options => options.RecomputeActivations = true)],
        ["BitFit", new BitFit(), new Action<PTuningV2Trainer.MulticlassOptions>(_ => { })],
        ["prompt", new PromptTuning { Length = 2 }, new Action<PTuningV2Trainer.MulticlassOptions>(_ => { })],
        ["prompt after the first token", new PromptTuning { Length = 2, Placement = PromptPlacement.AfterFirstToken },
            new Action<PTuningV2Trainer.MulticlassOptions>(_ => { })],
        ["prompt in places of the pattern", new PromptTuning { Length = 3 },
            new Action<PTuningV2Trainer.MulticlassOptions>(options => options.Pattern = "{prompt} {text} {prompt:2} {mask}")],
    ];

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Every_method_learns_and_a_saved_model_predicts_the_same(string name, TuningMethod? method, Action<PTuningV2Trainer.MulticlassOptions> change)
    {
        var options = Options(method);
        (options.MaxEpochs, options.LearningRate) = (3, 0.02);
        change(options);
        using var model = Fit(options);
        var losses = model.Summary!.Epochs.Select(epoch => epoch.Loss).ToArray();
        Assert.IsLessThan(losses[0], losses[^1], name);

        using var stream = new MemoryStream();
        model.SaveTo(stream);
        stream.Position = 0;
        using var loaded = PTuningV2Transformer.LoadFrom(Context, stream);

        var scores = Scores.Read(Context, model.Transform(Data));
        Scores.AssertEqual(scores, Scores.Read(Context, loaded.Transform(Data)));
        using var engine = Context.Model.CreatePredictionEngine<Ticket, TopicScores>(loaded, new PredictionEngineOptions { OwnsTransformer = false });
        Scores.AssertEqual(scores, [.. _rows.Select(row => Copy(engine.Predict(row)))], 1e-5f);
    }

    [TestMethod]
    public void Nothing_but_the_prefix_is_trained_and_saved()
    {
        using var model = Fit(Options());

        CollectionAssert.AreEqual((string[])["prefix"], model.Model.Tensors.Names.ToArray());
    }

    /// <summary>Zero-shot: the answer of the language model as it is.</summary>
    [TestMethod]
    public void Without_anything_to_train_the_rows_are_measured()
    {
        var options = Options();
        options.PrefixLength = 0;
        using var model = Fit(options);
        var predicted = Scores.Read(Context, model.Transform(Data)).Select(row => (int)row.PredictedLabel - 1).ToArray();

        var epoch = model.Summary!.Epochs.Single();
        Assert.AreEqual(0, model.Summary.TrainedParameters);
        Assert.AreEqual(predicted.Zip(_rows).Average(pair => Tickets.Topics[pair.First] == pair.Second.Topic ? 1.0 : 0.0), epoch.Metric, 1e-9);
        using var stream = new MemoryStream();
        model.SaveTo(stream);
        stream.Position = 0;
        using var loaded = PTuningV2Transformer.LoadFrom(Context, stream);
        Scores.AssertEqual(Scores.Read(Context, model.Transform(Data)), Scores.Read(Context, loaded.Transform(Data)));
    }

    [TestMethod]
    public void True_and_false_have_words()
    {
        using var model = Context.BinaryClassification.Trainers.PTuningV2(new PTuningV2Trainer.BinaryOptions
        {
            LabelColumnName = nameof(Ticket.IsUrgent),
            Sentence1ColumnName = "Text",
            Backbone = _encoder.Path,
            PrefixLength = 2,
            MaxLength = 12,
            MaxEpochs = 1,
            Pattern = "{text} {mask}",
            Verbalizer = new() { ["true"] = ["now"], ["false"] = ["not", "late"] },
        }).Fit(Data);

        Assert.HasCount(_rows.Count, model.Transform(Data).GetColumn<float>("Probability").Where(float.IsFinite).ToArray());
    }

    [TestMethod]
    public void A_key_without_values_has_words_by_number()
    {
        var data = Context.Data.LoadFromEnumerable(_rows.Select(row => new NumberedTicket
        {
            Text = row.Text,
            Label = (uint)Array.IndexOf(Tickets.Topics, row.Topic),
        }));
        var options = Options();
        options.Verbalizer = new() { ["0"] = ["invoice"], ["1"] = ["error"], ["2"] = ["parcel"] };

        using var numbered = Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(data);
        using var named = Fit(Options());

        CollectionAssert.AreEqual(Prefix(named), Prefix(numbered));
        Scores.AssertEqual(Scores.Read(Context, named.Transform(data)), Scores.Read(Context, numbered.Transform(data)));
    }

    [TestMethod]
    public void Words_are_in_the_order_of_the_classes_however_they_are_given()
    {
        var options = Options();
        options.Verbalizer = new() { ["delivery"] = ["parcel"], ["billing"] = ["invoice"], ["software"] = ["error"] };

        using var turned = Fit(options);
        using var model = Fit(Options());

        Scores.AssertEqual(Scores.Read(Context, model.Transform(Data)), Scores.Read(Context, turned.Transform(Data)));
    }

    public static IEnumerable<object[]> BadWords =>
    [
        [new Verbalizer { ["billing"] = ["invoice"], ["software"] = ["error"] }, "has no words for the class 'delivery'"],
        [Words("parcel", ("refunds", "card")), "has words for 'refunds', which is no class"],
        [Words("spaceship"), "word 'spaceship' for the class 'delivery' cannot be spelled"],
        [Words("invoice"), "words for the classes 'billing' and 'delivery' are the same tokens"],
    ];

    [TestMethod]
    [DynamicData(nameof(BadWords))]
    public void Words_that_do_not_fit_are_refused_before_training(Verbalizer words, string message)
    {
        var options = Options();
        options.Verbalizer = words;

        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => Fit(options)).Message, message);
    }

    public static IEnumerable<object[]> BadOptions =>
    [
        [new Action<PTuningV2Trainer.MulticlassOptions>(o => o.Pattern = null), "needs a Pattern with {mask}"],
        [new Action<PTuningV2Trainer.MulticlassOptions>(o => o.Pattern = "{text} so"), "{mask} is missing"],
        [
            new Action<PTuningV2Trainer.MulticlassOptions>(o => o.Pattern = "{text} {text2} {mask}"),
            "{text2} is the second text of a pair, but Sentence2ColumnName is null",
        ],
        [new Action<PTuningV2Trainer.MulticlassOptions>(o => o.Sentence2ColumnName = "Topic"), "{text2} is missing, but Sentence2ColumnName is 'Topic'"],
        [new Action<PTuningV2Trainer.MulticlassOptions>(o => o.Verbalizer!["billing"] = []), "class 'billing' has no words"],
        [new Action<PTuningV2Trainer.MulticlassOptions>(o => o.Verbalizer!["billing"] = [" "]), "class 'billing' has an empty word"],
        [new Action<PTuningV2Trainer.MulticlassOptions>(o => o.Pooling = Pooling.Mean), "Pooling is Mean, but with a Verbalizer no text becomes one vector"],
    ];

    [TestMethod]
    [DynamicData(nameof(BadOptions))]
    public void Options_that_exclude_each_other_are_refused_at_once(Action<PTuningV2Trainer.MulticlassOptions> change, string message)
    {
        var options = Options();
        change(options);

        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Context.MulticlassClassification.Trainers.PTuningV2(options)).Message, message);
    }

    [TestMethod]
    public void Places_for_tokens_that_the_method_does_not_train_are_refused()
    {
        var options = Options();
        options.Pattern = "{text} {prompt:4} {mask}";
        var untrained = Assert.ThrowsExactly<InvalidOperationException>(() => Fit(options)).Message;
        var prompt = Options(new PromptTuning { Length = 3 });
        prompt.Pattern = options.Pattern;
        var others = Assert.ThrowsExactly<InvalidOperationException>(() => Fit(prompt)).Message;

        StringAssert.Contains(untrained, "has places for 4 trained tokens, but the method DeepPrefix has 0");
        StringAssert.Contains(others, "has places for 4 trained tokens, but the method PromptTuning has 3");
    }

    [TestMethod]
    public void A_pattern_longer_than_the_rows_is_refused()
    {
        var options = Options();
        options.MaxLength = 4; // [CLS], is, [MASK], [SEP].

        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => Fit(options)).Message, "MaxLength is 4, but the Pattern");
    }

    [TestMethod]
    public void An_encoder_without_its_language_model_is_refused_with_advice()
    {
        using var encoder = new TinyEncoder();
        var options = Options();
        options.Backbone = encoder.Path;

        var message = Assert.ThrowsExactly<InvalidDataException>(() => Fit(options)).Message;

        StringAssert.Contains(message, "cls.predictions.transform.dense.weight");
        StringAssert.Contains(message, "such as the bundled mini-cased");
    }

    [TestMethod]
    public void The_default_encoder_is_refused_with_advice()
    {
        var options = Options();
        options.Backbone = "all-MiniLM-L6-v2";

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => Fit(options)).Message, "such as the bundled mini-cased");
    }

    [TestMethod]
    public void A_pattern_alone_is_read_by_a_trained_head()
    {
        var rows = _rows.Where(row => row.Text.Split(' ').Length <= 8).ToArray(); // Longer ones are shortened in different places.
        var written = rows.Select(row => new Ticket { Text = $"my {row.Text} please", Topic = row.Topic });
        var options = Options();
        (options.Verbalizer, options.Pattern) = (null, "my {text} please");
        using var patterned = Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(Tickets.Keyed(Context, rows));
        options.Pattern = null;
        using var plain = Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(Tickets.Keyed(Context, written));

        Scores.AssertEqual(
            Scores.Read(Context, plain.Transform(Tickets.Keyed(Context, written))), Scores.Read(Context, patterned.Transform(Tickets.Keyed(Context, rows))));
    }

    [TestMethod]
    public void Encoders_with_and_without_head_share_their_tensors_and_free_them_last()
    {
        var before = LiveTensors.CountSettled();
        var headed = BackboneLibrary.Open(_encoder.Path, CPU, withLanguageHead: true).Lease;
        var plain = BackboneLibrary.Open(_encoder.Path, CPU).Lease;

        Assert.AreSame(headed.Backbone.Tensors, plain.Backbone.Tensors);
        Assert.IsNull(plain.Backbone.LanguageHead);
        var words = plain.Backbone.WordEmbeddings;
        plain.Dispose();
        Assert.IsFalse(words.IsInvalid);
        Assert.AreSame(words, headed.Backbone.WordEmbeddings);
        headed.Dispose();
        Assert.AreEqual(before, LiveTensors.CountSettled());
    }

    /// <summary>Models with patterns of their own and without one, whose rows may share batches.</summary>
    [TestMethod]
    public async Task A_predictor_of_several_patterns_answers_as_the_models_do()
    {
        var second = Options();
        (second.Pattern, second.Verbalizer) = ("{mask} {text}", new() { ["billing"] = ["charge", "card"], ["software"] = ["crash"], ["delivery"] = ["box"] });
        var headed = Options();
        (headed.Pattern, headed.Verbalizer) = (null, null);
        using var predictor = new PTuningV2MultiTaskPredictor(Context);
        PTuningV2Transformer[] models = [Fit(Options()), Fit(second), Fit(headed)];
        try
        {
            for (var m = 0; m < models.Length; m++)
                predictor.Add($"{m}", models[m]);
            var expected = models.Select(model => Scores.Read(Context, model.Transform(Data))).ToArray();

            var asked = await Task.WhenAll(from row in _rows
                                           from m in Enumerable.Range(0, models.Length)
                                           select predictor.PredictAsync<Ticket, TopicScores>($"{m}", row));

            for (var m = 0; m < models.Length; m++)
                Scores.AssertEqual(expected[m], [.. asked.Where((_, i) => i % models.Length == m)], 1e-5f);
        }
        finally
        {
            foreach (var model in models)
                model.Dispose();
        }
    }

    [TestMethod]
    public void Multi_task_learning_refuses_a_task_for_which_nothing_is_trained()
    {
        var options = new PTuningV2MultiTaskTrainer.Options { Backbone = _encoder.Path, Method = new LinearProbe(), MaxEpochs = 1 };
        var task = new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            MaxLength = 12,
            Pattern = "{text} {mask}",
            Verbalizer = Words("parcel"),
        };

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() =>
            new PTuningV2MultiTaskTrainer(Context, options).Fit(new Dictionary<string, PTuningV2MultiTaskData> { ["topic"] = new(task, Data) }));

        StringAssert.Contains(refusal.Message, "Task 'topic': nothing can be trained");
    }

    private static Verbalizer Words(string delivery, params (string Class, string Word)[] more)
    {
        var words = new Verbalizer { ["billing"] = ["invoice"], ["software"] = ["error"], ["delivery"] = [delivery] };
        foreach (var (name, word) in more)
            words[name] = [word];
        return words;
    }

    private static float[] Prefix(PTuningV2Transformer model)
    {
        float[] numbers = [];
        model.Model.Use(tensors => numbers = tensors["prefix"].data<float>().ToArray());
        return numbers;
    }

    private static TopicScores Copy(TopicScores row) => new() { PredictedLabel = row.PredictedLabel, Score = [.. row.Score] };

    private PTuningV2Transformer Fit(PTuningV2Trainer.MulticlassOptions options) =>
        Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(Data);

    private PTuningV2Trainer.MulticlassOptions Options(TuningMethod? method = null)
    {
        var options = new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Backbone = _encoder.Path,
            Method = method,
            MaxLength = 12,
            MaxEpochs = 1,
            Advanced = { Shards = 2 },
            Seed = 1,
            Pattern = "{text} is {mask}",
            Verbalizer = Words("parcel"),
        };
        if (method is null)
            options.PrefixLength = 3;
        return options;
    }

    private sealed class NumberedTicket
    {
        public string Text { get; set; } = "";

        [KeyType(3)]
        public uint Label { get; set; }
    }
}
