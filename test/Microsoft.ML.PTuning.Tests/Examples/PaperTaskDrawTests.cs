using PaperTasks.DataSets;

namespace Microsoft.ML.PTuning.Tests.Examples;

/// <summary>Which rows a run gets of those that were read.</summary>
[TestClass]
public sealed class PaperTaskDrawTests
{
    private static readonly Example[] Rows = [.. Enumerable.Range(1, 20).Select(i => new Example($"text {i}", null, i % 2 == 0 ? "even" : "odd", i))];

    private static readonly SentenceData Data = new(Measures.Accuracy, false, ["even", "odd"], Rows, [new("dev", null, "odd", 1)]);

    [TestMethod]
    public void Rows_held_out_take_the_place_of_the_development_rows()
    {
        var drawn = (SentenceData)new Reading(HoldOut: 0.25).Draw(Data, seed: 1);

        Assert.AreEqual((15, 5), (drawn.TrainRows, drawn.DevRows));
        CollectionAssert.AreEquivalent(Rows, drawn.Train.Concat(drawn.Dev).ToArray());
    }

    [TestMethod]
    public void The_seed_decides_what_is_held_out()
    {
        var reading = new Reading(HoldOut: 0.25, PerClass: 4);

        CollectionAssert.AreEqual(Train(reading, seed: 1), Train(reading, seed: 1));
        CollectionAssert.AreNotEqual(Train(reading, seed: 1), Train(reading, seed: 2));
    }

    [TestMethod]
    public void Questions_about_one_context_are_held_out_together()
    {
        TextQuestion[] questions = [.. Enumerable.Range(0, 30).Select(i => new TextQuestion($"question {i}", $"context {i % 3}", [], -1, $"{i}"))];

        var drawn = (AnswerData)new Reading(HoldOut: 0.2).Draw(new AnswerData(questions, questions), seed: 1);

        Assert.AreEqual((20, 10), (drawn.TrainRows, drawn.DevRows));
        Assert.HasCount(1, drawn.Dev.Select(question => question.Context).Distinct());
    }

    [TestMethod]
    public void A_split_that_leaves_nothing_to_train_with_is_refused()
    {
        var one = Data with { Train = Rows[..1] };

        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => new Reading(HoldOut: 0.5).Draw(one, seed: 1));

        StringAssert.Contains(refusal.Message, "--holdout 0.5 of 1 training rows leaves none to train with.");
    }

    [TestMethod]
    public void As_many_rows_of_each_class_are_drawn()
    {
        var drawn = (SentenceData)new Reading(PerClass: 3).Draw(Data, seed: 1);

        CollectionAssert.AreEquivalent(new[] { "even", "even", "even", "odd", "odd", "odd" }, drawn.Train.Select(row => row.Label).ToArray());
        Assert.AreSame(Data.Dev, drawn.Dev);
    }

    [TestMethod]
    public void A_class_with_too_few_rows_is_refused()
    {
        var refusal = Assert.ThrowsExactly<InvalidDataException>(() => new Reading(PerClass: 11).Draw(Data, seed: 1));

        StringAssert.Contains(refusal.Message, "--per-class 11: the class 'even' has 10 training rows only.");
    }

    [TestMethod]
    public void Numbers_have_no_classes_to_draw_from() =>
        Assert.ThrowsExactly<InvalidDataException>(() => new Reading(PerClass: 1).Draw(Data with { Measures = Measures.Correlation }, seed: 1));

    [TestMethod]
    public void Where_rows_are_held_out_the_development_file_is_not_read()
    {
        using var folder = new TemporaryFolder();
        string train = folder.Write("train.tsv", "a\tx\nb\ty\nc\tx\nd\ty\n");

        TaskData data = PaperTask.Named("tsv").Read(new DataFiles(train, "no such file"), new Reading(HoldOut: 0.5));

        Assert.AreEqual(2, new Reading(HoldOut: 0.5).Draw(data, seed: 1).DevRows);
    }

    private static Example[] Train(Reading reading, int seed) => [.. ((SentenceData)reading.Draw(Data, seed)).Train];
}
