using Microsoft.ML.PTuning.Tool.Data;
using Microsoft.ML.PTuning.Tool.Tasks;

namespace Microsoft.ML.PTuning.Tests.Tool;

[TestClass]
public sealed class TaskGuessTests
{
    [TestMethod]
    public void Names_are_classes_and_the_longest_text_is_read()
    {
        var table = Table(["id", "title", "body", "topic"], Enumerable.Range(0, 6).Select(i => new object[] { $"{i}", "short", "some longer text here", i % 2 == 0 ? "A" : "B" }));

        AssertGuess(table, "topic", "classification", "body");
    }

    [TestMethod]
    [DataRow("0.5", "regression")]
    [DataRow("1", "classification")]
    public void Fractions_are_numbers_and_few_whole_numbers_are_classes(string label, string task) =>
        AssertGuess(Table(["text", "label"], Enumerable.Range(0, 4).Select(i => new object[] { "a b", i == 0 ? label : $"{i}" })), null, task, "text");

    [TestMethod]
    public void Many_different_whole_numbers_are_numbers() =>
        AssertGuess(Table(["text", "score"], Enumerable.Range(0, 40).Select(i => new object[] { "a b", $"{i}" })), null, "regression", "text");

    [TestMethod]
    public void Pairs_are_known_by_their_names() => AssertGuess(
        Table(["premise", "hypothesis", "label"], [["a b c", "d", "yes"], ["a b c", "e", "no"]]), null, "classification", "premise", "hypothesis");

    [TestMethod]
    public void A_list_as_long_as_the_words_is_tags() => AssertGuess(
        Table(["tokens", "ner_tags"], [[new[] { "Anna", "sleeps" }, new[] { "B-PER", "O" }]], lists: true), null, "tags", "tokens");

    [TestMethod]
    public void A_list_of_another_length_is_labels() => AssertGuess(
        new DataTable("a", [new("text", IsList: false), new("labels", IsList: true)], [new(1, ["a b c", new[] { "X" }])]), null, "multi-label", "text");

    [TestMethod]
    public void Labels_with_other_capitals_and_spaces_are_one_class()
    {
        var notes = new List<string>();
        var table = Table(["text", "label"], [["a", "Billing"], ["b", " billing "], ["c", "Billing"], ["d", "Other"], ["e", ""]]);
        var (task, columns) = TaskGuess.Of(table, null, null, []);
        var options = new ReadingOptions { Note = notes.Add };

        var rows = TrainingRows.Of(table, task, columns, options);

        CollectionAssert.AreEqual(new[] { ("Billing", 3), ("Other", 1) }, rows.Classes().ToArray());
        Assert.Contains("'billing' (1 row) is read as 'Billing'", notes.Single());
        Assert.AreEqual("the label is empty.", options.Broken.First[5]);
    }

    [TestMethod]
    public void Hold_out_takes_the_same_share_of_each_class_and_the_same_rows_again()
    {
        var table = Table(["text", "label"], Enumerable.Range(0, 100).Select(i => new object[] { $"text {i}", i < 80 ? "A" : "B" }));
        var (task, columns) = TaskGuess.Of(table, null, null, []);
        var rows = TrainingRows.Of(table, task, columns, new ReadingOptions());

        var (training, held) = rows.HoldOut(0.25, seed: 3);

        Assert.AreEqual(20, held.Rows.Count(row => row.Text(1) == "A"));
        Assert.AreEqual(5, held.Rows.Count(row => row.Text(1) == "B"));
        Assert.HasCount(75, training.Rows);
        CollectionAssert.AreEqual(held.Rows.ToArray(), rows.HoldOut(0.25, seed: 3).Held.Rows.ToArray());
    }

    [TestMethod]
    public void A_file_without_a_label_is_refused_with_its_columns()
    {
        var refusal = Assert.ThrowsExactly<DataException>(() => TaskGuess.Of(Table(["a", "b"], [["x", "y"]]), null, null, []));

        Assert.Contains("Name it with --label: one of 'a', 'b'", refusal.Message);
    }

    private static void AssertGuess(DataTable table, string? label, string task, params string[] texts)
    {
        var (guessed, columns) = TaskGuess.Of(table, null, label, []);
        Assert.AreEqual(task, guessed.Name);
        CollectionAssert.AreEqual(texts, columns.Texts.ToArray());
    }

    private static DataTable Table(string[] columns, IEnumerable<object[]> rows, bool lists = false) =>
        new("a", [.. columns.Select(name => new DataColumn(name, lists))], [.. rows.Select((cells, i) => new DataRow(i + 1, cells))]);
}
