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

    private static RunResult Run(string method, TaskData data)
    {
        var requested = new RequestedSettings(null, null, null, null, null, null, 48, null, null, false, []);
        Settings settings = Settings.Resolve(hasPrefix: false, requested, null, new PTuningV2Trainer.MulticlassOptions());
        return Experiment.Run(Method.Named(method), new TrainingRun(data, settings, null, 1, new Progress<TrainingProgress>(), CancellationToken.None));
    }
}
