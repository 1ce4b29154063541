using PaperTasks;
using PaperTasks.DataSets;
using PaperTasks.Experiments;
using PaperTasks.Methods;

namespace Microsoft.ML.PTuning.Tests.Examples;

/// <summary>The yardsticks, each from rows to metrics.</summary>
[TestClass]
public sealed class PaperTaskMethodTests
{
    private static readonly string[] Fruit = ["apple", "pear", "plum", "cherry", "grape", "lemon"];
    private static readonly string[] Tools = ["hammer", "saw", "drill", "pliers", "wrench", "file"];

    private static readonly RequestedSettings Requested = new(null, null, null, null, null, null, 48, null, null, false, []);

    [TestMethod]
    public void Every_method_has_a_name_of_its_own() => CollectionAssert.AllItemsAreUnique(Method.All.Select(method => method.Name).ToArray());

    [TestMethod]
    public void Majority_predicts_the_most_frequent_class_of_the_training_rows()
    {
        var data = new SentenceData(Measures.Accuracy, false, ["a", "b", "c"], Texts("b", "a", "b"), Texts("c", "b", "a", "b", "b"));

        Assert.AreEqual(3.0 / 5, Measure("majority", data)["accuracy"], 1e-9);
    }

    [TestMethod]
    public void Majority_predicts_the_mean_number_which_correlates_with_nothing()
    {
        var data = new SentenceData(Measures.Correlation, false, [], Texts("1.0", "3.0"), Texts("1.0", "2.0", "4.0"));

        Assert.AreEqual(0, Measure("majority", data)["pearson"]);
    }

    [TestMethod]
    public void Majority_chooses_the_place_that_is_most_often_right()
    {
        var data = new ChoiceData([Choice(1), Choice(1), Choice(0)], [Choice(1), Choice(0), Choice(0), Choice(0)]);

        Assert.AreEqual(1.0 / 4, Measure("majority", data)["accuracy"], 1e-9);
    }

    [TestMethod]
    public void Majority_gives_the_most_frequent_answer()
    {
        TextQuestion none = new("Who?", "Ann sleeps.", [], -1, "1"), ann = new("Who?", "Ann sleeps.", ["Ann"], 0, "2");

        Assert.AreEqual(0.5, Measure("majority", new AnswerData([none, none, ann], [none, ann]))["exactMatch"], 1e-9);
    }

    [TestMethod]
    public void Majority_tags_a_word_as_it_is_tagged_most_often()
    {
        TaggedSentence[] train =
        [
            new(["Ann", "met", "May"], ["B-PER", "O", "B-PER"], null, 1), new(["in", "May"], ["O", "B-DATE"], null, 5), new(["May"], ["B-PER"], null, 8),
            new(["it", "rained"], ["O", "O"], null, 10),
        ];
        TaggedSentence[] dev = [new(["May", "met", "Eve"], ["B-PER", "O", "B-PER"], null, 1)];

        IReadOnlyDictionary<string, double> metrics = Measure("majority", new TaggingData(["B-DATE", "B-PER", "O"], train, dev));

        Assert.AreEqual((1, 0.5), (metrics["precision"], metrics["recall"]));       // May is found, Eve is unknown: O
    }

    [TestMethod]
    public void Majority_tells_predicates_from_other_words()
    {
        TaggedSentence[] rows =
        [
            new(["saw", "the", "saw"], ["B-V", "B-A1", "I-A1"], 0, 1), new(["the", "saw"], ["B-A1", "I-A1"], null, 1),
        ];

        Assert.AreEqual(1, Measure("majority", new TaggingData(["B-A1", "B-V", "I-A1"], rows[..1], rows[..1]))["f1"]);
    }

    [TestMethod]
    [DataRow("bag-of-words")]
    [DataRow("embedding")]
    public void Classes_that_words_tell_apart_are_learned(string method)
    {
        Example[] rows =
        [
            .. Fruit.Select((word, i) => new Example($"a {word}", null, "fruit", i)), .. Tools.Select((word, i) => new Example($"the {word}", null, "tool", i)),
        ];

        Assert.IsGreaterThan(0.9, Measure(method, new SentenceData(Measures.Accuracy, false, ["fruit", "tool"], rows, rows))["accuracy"]);
    }

    [TestMethod]
    [DataRow("bag-of-words")]
    [DataRow("embedding")]
    public void A_class_of_the_development_rows_alone_counts_as_wrong(string method)
    {
        var data = new SentenceData(Measures.Accuracy, false, ["a", "b", "new"], Texts("a", "b", "a", "b"), Texts("new", "new"));

        Assert.AreEqual(0, Measure(method, data)["accuracy"]);
    }

    [TestMethod]
    [DataRow("bag-of-words")]
    [DataRow("embedding")]
    public void Numbers_of_pairs_are_learned(string method)
    {
        Example[] rows = [.. Fruit.Select((word, i) => new Example(word, word, "4.0", i)), .. Tools.Select((word, i) => new Example(word, Fruit[i], "1.5", i))];

        Assert.IsGreaterThan(0.5, Measure(method, new SentenceData(Measures.Correlation, true, [], rows, rows))["pearson"]);
    }

    [TestMethod]
    [DataRow("bag-of-words")]
    [DataRow("embedding")]
    public void Choices_are_learned_as_pairs(string method)
    {
        ChoiceQuestion[] rows = [.. Fruit.Select((word, i) => new ChoiceQuestion("I eat the", i % 2 == 0 ? [word, Tools[i]] : [Tools[i], word], i % 2, i))];

        RunResult result = Run(method, new ChoiceData(rows, rows));

        Assert.IsGreaterThan(0.9, result.Metrics.Single(metric => metric.Key == "accuracy").Value);
        Assert.AreEqual((rows.Length, rows.Length), (result.TrainRows, result.DevRows));
    }

    [TestMethod]
    [DataRow("bag-of-words")]
    [DataRow("embedding")]
    public void Tags_and_answers_are_not_learned_from_text_features(string method)
    {
        Assert.ThrowsExactly<NotSupportedException>(() => Run(method, new AnswerData([], [])));
        Assert.IsFalse(Method.Named(method).Suits(PaperTask.Named("ner")) || Method.Named(method).Suits(PaperTask.Named("squad")));
    }

    /// <summary>Over mini-cased: hidden size 256, 4 layers. The head of two classes has 2 · 256 weights and 2 biases.</summary>
    [TestMethod]
    [DataRow("linear-probe", 0)]
    [DataRow("lora", 4 * 2 * (3 * 256 + 3 * 256))]                                              // layers, targets, A and B of rank 3
    [DataRow("p-tuning-v1", 5 * 256)]                                                           // without a network
    [DataRow("soft-prompts", 2 * (5 * 256 + 4 * 5 * 256) + 2)]                                  // two prompts in the input and in each layer, their weights
    [DataRow("ptuning-v2", 5 * 4 * 2 * 256)]
    [DataRow("prefix-tuning", 5 * 256 + (256 + 1) * 512 + (512 + 1) * 4 * 2 * 256)]             // embedding and two linear layers
    public void A_method_trains_the_numbers_that_its_options_ask_for(string method, int numbers)
    {
        RunResult result = RunOnMini(method, requested => requested with { PrefixLength = 5, Rank = 3, Network = PromptNetworkKind.None, Prompts = 2 });

        Assert.AreEqual(numbers + 2 * 256 + 2, result.Summary!.TrainedParameters);
    }

    [TestMethod]
    public void Fine_tuning_trains_and_saves_the_whole_encoder()
    {
        RunResult result = RunOnMini("fine-tuning", requested => requested);

        Assert.IsGreaterThan(1, result.Summary!.TrainedShare);                                    // the encoder and a head
        Assert.AreEqual(4 * result.Summary.TrainedParameters, result.Summary.TensorBytes);       // in F32
    }

    [TestMethod]
    public void A_network_of_prefix_tuning_is_asked_for_whatever_a_preset_says()
    {
        Preset preset = Preset.For("rte", BackboneShape.RobertaLarge)!;
        RequestedSettings requested = Method.Named("prefix-tuning").Adjust(Requested);

        Assert.IsTrue(Settings.Resolve(hasPrefix: true, requested, preset, new PTuningV2Trainer.MulticlassOptions()).Projection);
        Assert.IsFalse(preset.Projection);
    }

    [TestMethod]
    public void Words_that_stand_for_classes_take_the_place_of_a_head()
    {
        RunResult result = RunOnMini("ptuning-v2", requested => requested with
        {
            PrefixLength = 5,
            Pattern = "{text} is {mask}.",
            Words = new Verbalizer { ["a"] = ["good"], ["b"] = ["bad"] },
        });

        Assert.AreEqual(5 * 4 * 2 * 256, result.Summary!.TrainedParameters);
    }

    [TestMethod]
    public void A_pattern_for_numbers_is_refused()
    {
        var data = new SentenceData(Measures.Correlation, false, [], Texts("1.0", "3.0"), Texts("1.0"));

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => RunOnMini("ptuning-v2", requested => requested with { Pattern = "{text}" }, data));

        StringAssert.Contains(refusal.Message, "--pattern is for texts with classes");
    }

    [TestMethod]
    public void Only_methods_with_an_encoder_name_one()
    {
        var data = new SentenceData(Measures.Accuracy, false, ["a", "b"], Texts("a", "b"), Texts("a", "b"));

        Assert.IsNull(Run("bag-of-words", data).Encoder);
        Assert.IsNotNull(Run("embedding", data).Encoder);
    }

    private static Example[] Texts(params string[] labels) => [.. labels.Select((label, i) => new Example($"text {i}", null, label, i + 1))];

    private static ChoiceQuestion Choice(int right) => new("It rained. so", ["It got wet.", "It got dry."], right, 1);

    private static Dictionary<string, double> Measure(string method, TaskData data) => Run(method, data).Metrics.ToDictionary();

    private static RunResult RunOnMini(string name, Func<RequestedSettings, RequestedSettings> change, TaskData? data = null)
    {
        var method = Method.Named(name);
        RequestedSettings requested = method.Adjust(change(Requested with { Epochs = 1, KeepsBestEpoch = false }));
        Settings settings = Settings.Resolve(method.HasPrefix, requested, null, new PTuningV2Trainer.MulticlassOptions { Method = method.Tuning(requested) });
        data ??= new SentenceData(Measures.Accuracy, false, ["a", "b"], Texts("a", "b"), Texts("a", "b"));
        return Experiment.Run(method, new TrainingRun(data, settings, "mini-cased", 1, new Progress<TrainingProgress>(), CancellationToken.None));
    }

    private static RunResult Run(string method, TaskData data)
    {
        Settings settings = Settings.Resolve(hasPrefix: false, Requested, null, new PTuningV2Trainer.MulticlassOptions());
        return Experiment.Run(Method.Named(method), new TrainingRun(data, settings, null, 1, new Progress<TrainingProgress>(), CancellationToken.None));
    }
}
