namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>What training says of rows and options that cannot come out well, and what it leaves unsaid.</summary>
[TestClass]
[DoNotParallelize]
public sealed class TrainingWarningTests
{
    private TinyTraining _training = null!;

    [TestInitialize]
    public void MakeEncoder() => _training = new TinyTraining();

    [TestCleanup]
    public void DeleteEncoder() => _training.Dispose();

    [TestMethod]
    public void File_that_was_read_with_the_wrong_separator_is_warned_of_twice()
    {
        var lines = TinyTraining.Texts(60).Select((row, i) => new LabelledText { Text = "", Label = $"{i},{row.Text},{row.Label}" }).ToArray();

        using var model = _training.Fit(lines);

        CollectionAssert.IsSubsetOf(
            new[] { TrainingWarningCode.EmptyTexts, TrainingWarningCode.ClassPerRow }, model.Summary!.Warnings.Select(w => w.Code).ToArray());
        Assert.AreEqual(
            "60 of 60 training rows have no text in column 'Text'. Check the column's name, and the separator that the file was read with.",
            model.Summary.Warnings[0].Text);
        StringAssert.StartsWith(model.Summary.Warnings[1].Text, "The 60 training rows are of 60 classes, most with one row each");
        Assert.HasCount(1, _training.Log.Where(line => line.Contains("have no text", StringComparison.Ordinal)));
    }

    [TestMethod]
    [DataRow(29, false)]
    [DataRow(30, true)]
    public void Empty_texts_are_warned_of_from_half_of_the_rows_on(int empty, bool isWarned)
    {
        var rows = TinyTraining.Texts(60);
        foreach (var row in rows[..empty])
            row.Text = " ";

        Assert.AreEqual(isWarned, Codes(rows).Contains(TrainingWarningCode.EmptyTexts));
    }

    [TestMethod]
    [DataRow(10, 6, true)]
    [DataRow(10, 5, false)]
    [DataRow(9, 9, false)]
    public void Classes_are_warned_of_where_they_have_fewer_than_two_rows_each(int count, int classes, bool isWarned)
    {
        var rows = TinyTraining.Texts(count);
        for (var i = 0; i < count; i++)
            rows[i].Label = $"class {i % classes}";

        Assert.AreEqual(isWarned, Codes(rows).Contains(TrainingWarningCode.ClassPerRow));
    }

    [TestMethod]
    public void Few_steps_that_teach_little_are_warned_of_with_what_to_raise()
    {
        (_training.Options.MaxEpochs, _training.Options.LearningRate) = (1, 1e-3);

        using var model = _training.Fit(TinyTraining.Texts(40));

        var warning = model.Summary!.Warnings.Single(w => w.Code == TrainingWarningCode.HardlyLearned);
        StringAssert.Matches(warning.Text, new(
            @"^The model has hardly learned: accuracy 0\.\d\d, where guessing reaches 0\.\d\d, after 5 steps\. Raise MaxEpochs \(to 40, for 200 steps\) or"));
    }

    [TestMethod]
    public void Many_steps_that_teach_little_are_the_datas_fault()
    {
        var random = new Random(1);
        var rows = TinyTraining.Texts(80);
        foreach (var row in rows)
            row.Label = random.Next(2) == 0 ? "early" : "late";
        (_training.Options.MaxEpochs, _training.Options.LearningRate) = (10, 1e-3);

        CollectionAssert.DoesNotContain(Codes(rows), TrainingWarningCode.HardlyLearned); // 100 steps.
    }

    [TestMethod]
    public void Few_steps_that_start_from_a_good_model_are_no_fault()
    {
        (_training.Options.PrefixDropout, _training.Options.HeadDropout, _training.Options.MaxEpochs) = (0, 0, 20);
        using var good = _training.Fit(TinyTraining.Texts(60));
        (_training.Options.InitialModel, _training.Options.MaxEpochs, _training.Options.LearningRate) = (good, 1, 1e-3);

        Assert.IsEmpty(Codes(TinyTraining.Texts(60)));
    }

    [TestMethod]
    public void Numbers_are_hardly_learned_where_most_of_their_variance_is_left()
    {
        (_training.Options.MaxEpochs, _training.Options.LearningRate) = (1, 1e-3);

        using var model = _training.Fit(TinyTraining.Ratings(40));

        Assert.AreEqual(TrainingWarningCode.HardlyLearned, Assert.ContainsSingle(model.Summary!.Warnings).Code);
    }

    [TestMethod]
    public void Task_is_warned_of_by_its_name_in_multi_task_learning()
    {
        var rows = TinyTraining.Texts(20);
        foreach (var row in rows)
            row.Text = "";

        using var models = new Models(new PTuningV2MultiTaskTrainer(_training.Context, _training.MultiTaskOptions).Fit(
            new Dictionary<string, PTuningV2MultiTaskData> { ["topic"] = _training.Topics(rows), ["rating"] = _training.Rated(20) }));

        StringAssert.StartsWith(models["topic"].Summary!.Warnings[0].Text, "Task 'topic': 20 of 20 training rows have no text");
        CollectionAssert.DoesNotContain(models["rating"].Summary!.Warnings.Select(w => w.Code).ToArray(), TrainingWarningCode.EmptyTexts);
    }

    [TestMethod]
    public void Summary_says_metrics_rows_parameters_and_warnings_as_text()
    {
        (_training.Options.MaxEpochs, _training.Options.LearningRate) = (1, 1e-3);
        using var model = _training.Fit(TinyTraining.Texts(40), TinyTraining.Texts(20, seed: 1));

        StringAssert.Matches(model.Summary!.ToString(), new(
            @"^accuracy \d\.\d{3} on the validation rows, accuracy \d\.\d{3} on the training rows in epoch 1 of 1; "
            + @"40 rows \(0 skipped, 0 truncated, 0 misaligned\); \d+ parameters trained \(\d+\.\d\d % of the encoder's\) in \d+\.\d s\n"
            + @"Warning \((HardlyLearned|Collapsed)\): The model "));
    }

    private TrainingWarningCode[] Codes(LabelledText[] rows)
    {
        using var model = _training.Fit(rows);
        return [.. model.Summary!.Warnings.Select(warning => warning.Code)];
    }
}
