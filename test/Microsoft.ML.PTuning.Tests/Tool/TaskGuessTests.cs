using Microsoft.ML.PTuning.RowFiles;
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
        var told = new List<string>();
        var options = new ReadingOptions { Note = notes.Add, Broken = new BrokenRows { Tell = told.Add } };

        var rows = TrainingRows.Of(table, task, columns, options);

        CollectionAssert.AreEqual(new[] { ("Billing", 3), ("Other", 1) }, rows.Classes().ToArray());
        Assert.Contains("'billing' (1 row) is read as 'Billing'", notes.Single());
        Assert.AreEqual("a, line 5: the label is empty.", told.Single());
    }

    [TestMethod]
    public void Names_in_lists_with_other_capitals_are_one_class()
    {
        var table = new DataTable("a", [new("text", IsList: false), new("labels", IsList: true)],
            [new(1, ["a b", new[] { "Late", "Paid" }]), new(2, ["a b", new[] { "Late" }]), new(3, ["a b", new[] { "late" }])]);
        var (task, columns) = TaskGuess.Of(table, null, null, []);

        CollectionAssert.AreEqual(new[] { ("Late", 3), ("Paid", 1) }, TrainingRows.Of(table, task, columns, new ReadingOptions()).Classes().ToArray());
    }

    [TestMethod]
    [DataRow("tags", "tokens,tags", "there are 1 tags for 2 words.")]
    [DataRow("choices", "text,choices,label", "the label is '7'; expected the place of the right one of 2 choices, from 0.")]
    [DataRow("answers", "context,question,answer,answer_start", "the answer 'late' does not stand at 3 in its context.")]
    public void Labels_that_do_not_fit_their_row_are_told_by_line(string task, string columns, string reason)
    {
        object[] cells = task switch
        {
            "tags" => [new[] { "a", "b" }, new[] { "O" }],
            "choices" => ["a", new[] { "b", "c" }, "7"],
            _ => ["it is late", "when?", "late", "3"],
        };
        var names = columns.Split(',');
        var table = new DataTable("a", [.. names.Select((name, i) => new DataColumn(name, cells[i] is string[]))], [new(9, cells)]);
        var told = new List<string>();
        var (guessed, found) = TaskGuess.Of(table, task, null, []);

        var rows = TrainingRows.Of(table, guessed, found, new ReadingOptions { Broken = new BrokenRows { Tell = told.Add } });

        Assert.IsEmpty(rows.Table.Rows);
        Assert.AreEqual($"a, line 9: {reason}", told.Single());
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
