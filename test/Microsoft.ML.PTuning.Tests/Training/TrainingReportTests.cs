namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>What training tells while it runs and after it.</summary>
[TestClass]
public sealed class TrainingReportTests
{
    private const int Classes = 2;

    private TinyTraining _training = null!;

    [TestInitialize]
    public void MakeTraining() => _training = new TinyTraining();

    [TestCleanup]
    public void DeleteEncoder() => _training.Dispose();

    [TestMethod]
    [DataRow(0, TinyTraining.Layers)]
    [DataRow(2, 2)]
    public void Summary_counts_the_numbers_of_prefix_and_head(int prefixLayers, int layers)
    {
        _training.Options.PrefixLayers = prefixLayers;

        using var model = _training.Fit(TinyTraining.Texts(20));

        const int Head = Classes * TinyTraining.HiddenSize + Classes;
        var prefix = 4 * 2 * layers * TinyTraining.HiddenSize;
        Assert.AreEqual(prefix + Head, model.Summary!.TrainedParameters);
        Assert.AreEqual(4 * (prefix + Head), model.Summary.TensorBytes);
        Assert.AreEqual((double)(prefix + Head) / model.Backbone.ParameterCount, model.Summary.TrainedShare, 1e-12);
    }

    [TestMethod]
    public void Summary_counts_the_numbers_of_the_projection()
    {
        (_training.Options.PrefixProjection, _training.Options.PrefixProjectionSize) = (true, 6);

        using var model = _training.Fit(TinyTraining.Texts(20));

        const int P = 4, M = 6, H = TinyTraining.HiddenSize, L = TinyTraining.Layers, Head = Classes * H + Classes;
        Assert.AreEqual(P * H + M * H + M + 2 * L * H * M + 2 * L * H + Head, model.Summary!.TrainedParameters);
        Assert.AreEqual(4 * (P * 2 * L * H + Head), model.Summary.TensorBytes);
    }

    [TestMethod]
    public void Summary_counts_the_head_alone_where_there_is_no_prefix()
    {
        _training.Options.PrefixLength = 0;

        using var model = _training.Fit(TinyTraining.Texts(20));

        Assert.AreEqual(Classes * TinyTraining.HiddenSize + Classes, model.Summary!.TrainedParameters);
    }

    [TestMethod]
    public void Summary_counts_rows_used_skipped_and_truncated()
    {
        LabelledText[] odd =
        [
            new() { Text = "a b", Label = null },
            new() { Text = "a b c d e f g h i j k l m", Label = "early" },
            new() { Text = "a b c d e f g h i j", Label = "early" }, // With [CLS] and [SEP] as many as there may be.
        ];

        using var model = _training.Fit([.. TinyTraining.Texts(20), .. odd]);

        Assert.AreEqual(22, model.Summary!.RowsUsed);
        Assert.AreEqual(1, model.Summary.RowsSkipped);
        Assert.AreEqual(1, model.Summary.RowsTruncated);
        Logged("22 training rows (1 without a label skipped, 1 cut to fit 12 tokens, 0 whose label is not in their text left out)");
    }

    [TestMethod]
    public void Summary_tells_every_epoch()
    {
        using var model = _training.Fit(TinyTraining.Texts(20), TinyTraining.Texts(10, seed: 1));

        CollectionAssert.AreEqual(new[] { 1, 2, 3 }, model.Summary!.Epochs.Select(epoch => epoch.Epoch).ToArray());
        Assert.IsTrue(model.Summary.Epochs.All(
            epoch => epoch is { MetricName: "accuracy", Metric: >= 0 and <= 1, ValidationMetric: >= 0 and <= 1, ValidationLoss: > 0 }));
    }

    [TestMethod]
    public void Log_tells_every_epoch()
    {
        using var model = _training.Fit(TinyTraining.Texts(20), TinyTraining.Texts(10, seed: 1));

        foreach (var epoch in model.Summary!.Epochs)
        {
            Logged(FormattableString.Invariant($"Epoch {epoch.Epoch} of 3: loss {epoch.Loss:F4}, accuracy {epoch.Metric:F4}; ")
                + FormattableString.Invariant($"validation loss {epoch.ValidationLoss:F4}, accuracy {epoch.ValidationMetric:F4}"));
        }
    }

    [TestMethod]
    public void Progress_goes_step_by_step_to_the_last()
    {
        var steps = Steps();

        CollectionAssert.AreEqual(Enumerable.Range(1, 9).ToArray(), steps.Select(step => step.Step).ToArray());
        CollectionAssert.AreEqual(new[] { 1, 1, 1, 2, 2, 2, 3, 3, 3 }, steps.Select(step => step.Epoch).ToArray());
        Assert.IsTrue(steps.All(step => step is { Steps: 9, Epochs: 3, MetricName: "accuracy" }));
    }

    [TestMethod]
    public void Progress_tells_the_falling_learning_rate()
    {
        var rates = Steps().Select(step => step.LearningRate).ToArray();

        for (var step = 0; step < 9; step++)
            Assert.AreEqual(0.02 * (9 - step) / 9, rates[step], 1e-12);
    }

    [TestMethod]
    public void Progress_tells_the_last_epochs_metrics()
    {
        List<TrainingProgress> steps = [];
        _training.Options.Progress = new EveryStep(steps.Add);
        using var model = _training.Fit(TinyTraining.Texts(20), TinyTraining.Texts(10, seed: 1));

        foreach (var step in steps)
        {
            var last = step.Epoch == 1 ? null : model.Summary!.Epochs[step.Epoch - 2];
            Assert.AreEqual((last?.Metric, last?.ValidationMetric), (step.Metric, step.ValidationMetric));
        }
    }

    [TestMethod]
    public void Progress_tells_speed_and_time_left()
    {
        var steps = Steps();

        Assert.IsTrue(steps.All(step => step.SamplesPerSecond > 0 && double.IsFinite(step.SamplesPerSecond) && step.TimeLeft >= TimeSpan.Zero));
        Assert.IsTrue(steps.SkipLast(1).All(step => step.TimeLeft > TimeSpan.Zero));
        Assert.AreEqual(TimeSpan.Zero, steps[^1].TimeLeft);
    }

    [TestMethod]
    public void One_class_for_everything_is_warned_of_in_summary_and_log()
    {
        _training.Options.LearningRate = 1e-3;
        LabelledText[] same = [.. Enumerable.Range(0, 20).Select(row => new LabelledText { Text = "a b c", Label = row == 0 ? "rare" : "common" })];

        using var model = _training.Fit(same, same);

        const string Warning =
            "for every row: training has collapsed onto one class. Lower the learning rate (try a fifth of it), or train longer.";
        var warning = Assert.ContainsSingle(model.Summary!.Warnings);
        Assert.AreEqual(TrainingWarningCode.Collapsed, warning.Code);
        StringAssert.Contains(warning.Text, Warning);
        Logged(Warning);
    }

    [TestMethod]
    public void Model_that_tells_classes_apart_is_not_warned_of()
    {
        _training.Options.MaxEpochs = 10;

        using var model = _training.Fit(TinyTraining.Texts(100));

        Assert.IsEmpty(model.Summary!.Warnings);
    }

    private void Logged(string text) =>
        Assert.IsTrue(_training.Log.Any(line => line.Contains(text, StringComparison.Ordinal)), $"The log has no '{text}'.");

    private List<TrainingProgress> Steps()
    {
        List<TrainingProgress> steps = [];
        _training.Options.Progress = new EveryStep(steps.Add);
        using var model = _training.Fit(TinyTraining.Texts(20));
        return steps;
    }
}
