using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>What training several tasks together promises.</summary>
[TestClass]
[DoNotParallelize]
public sealed class PTuningV2MultiTaskTrainerTests
{
    private TinyTraining _training = null!;
    private PTuningV2MultiTaskTrainer.Options _options = null!;

    [TestInitialize]
    public void MakeEncoder()
    {
        _training = new TinyTraining();
        _options = _training.MultiTaskOptions;
    }

    [TestCleanup]
    public void DeleteEncoder() => _training.Dispose();

    [TestMethod]
    public void Tasks_of_two_kinds_learn_together()
    {
        (_options.MaxEpochs, _options.PrefixDropout, _options.HeadDropout) = (30, 0, 0);
        using var models = Fit(Topic(TinyTraining.Texts(60)), Rating(60));

        Assert.IsGreaterThan(0.8, models["topic"].Summary!.Epochs[^1].Metric); // Half are right by chance.
        Assert.IsGreaterThan(0.3, models["rating"].Summary!.Epochs[^1].Metric); // R² of the mean is 0.
    }

    [TestMethod]
    public void Rows_of_many_windows_count_by_their_windows()
    {
        List<TrainingProgress> steps = [];
        _options.Progress = new EveryStep(steps.Add);
        var answers = new PTuningV2Trainer.QuestionAnswerOptions { MaxLength = 12, DocumentStride = 2 };
        var row = new Question { Context = string.Join(' ', "bcdefghijklmnopqrsxt".AsEnumerable()), TrainingAnswer = "x" };
        var questions = _training.Context.Data.LoadFromEnumerable(Enumerable.Repeat(row with { AnswerIndex = row.Context.IndexOf('x') }, 8));

        using var models = Fit(new("answer", new(answers, questions)), Topic(TinyTraining.Texts(20)));

        // A question of 1 token and 3 special ones leave 8 to the context, whose 20 take 3 windows: from 0, from 6, from 12.
        Assert.HasCount(2 * (3 * 8 / 8 + 3), steps);
        Assert.AreEqual(8, models["answer"].Summary!.RowsUsed);
    }

    [TestMethod]
    public void Tasks_share_the_prefix_and_each_model_has_a_copy_of_it()
    {
        using var models = Fit(Topic(TinyTraining.Texts(20)), Rating(20));
        var prefix = ValuesOf(models["topic"])["prefix"];
        models["topic"].Dispose();

        CollectionAssert.AreEqual(prefix, ValuesOf(models["rating"])["prefix"]);
    }

    [TestMethod]
    public void Model_predicts_in_the_columns_of_its_tasks_trainer()
    {
        using var models = Fit(Topic(TinyTraining.Texts(20)), Rating(20));
        var rows = _training.Context.Data.LoadFromEnumerable(TinyTraining.Texts(5));

        Assert.AreEqual(2, ((VectorDataViewType)models["topic"].Transform(rows).Schema["Score"].Type).Size);
        Assert.AreEqual(NumberDataViewType.Single, models["rating"].Transform(rows).Schema["Score"].Type);
    }

    /// <summary>At a rate of almost 0 the prefix stays what it was at the start.</summary>
    [TestMethod]
    public void Prefix_starts_from_the_frequent_words_of_all_tasks_in_turn()
    {
        (_options.LearningRate, _options.PrefixStart) = (1e-30, PromptStart.FrequentWords);
        RatedText[] rated = [new() { Text = "x x y", Label = 1 }, new() { Text = "x x y", Label = 0 }];
        var ratings = _training.Context.Data.LoadFromEnumerable(rated);
        var options = new PTuningV2Trainer.RegressionOptions { Sentence1ColumnName = "Text", MaxLength = 12 };
        LabelledText[] rows = [new() { Text = "a a b", Label = "early" }, new() { Text = "a b a", Label = "late" }];
        using var models = Fit(Topic(rows), new("rating", new(options, ratings)));
        (_options.PrefixStart, _options.PrefixStartText) = (PromptStart.Text, "x a y b"); // The tasks come in the order of their names.
        using var expected = Fit(Topic(rows), new("rating", new(options, ratings)));
        CollectionAssert.AreEqual(ValuesOf(expected["topic"])["prefix"], ValuesOf(models["topic"])["prefix"]);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(2)]
    public void Saved_and_loaded_model_predicts_the_same(int continuationEpochs)
    {
        _options.ContinuationEpochs = continuationEpochs;
        var rows = TinyTraining.Texts(20);
        using var models = Fit(Topic(rows), Rating(20));
        using var file = new MemoryStream();
        models["topic"].SaveTo(file);
        file.Position = 0;

        using var loaded = PTuningV2Transformer.LoadFrom(_training.Context, file);

        CollectionAssert.AreEqual(_training.Scores(models["topic"], rows), _training.Scores(loaded, rows));
        Assert.AreEqual(models["topic"].Summary!.BestEpoch, loaded.Summary!.BestEpoch);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(2)]
    public void Same_seed_gives_the_same_bits_in_any_order_of_the_tasks(int continuationEpochs)
    {
        _options.ContinuationEpochs = continuationEpochs;
        using var first = Fit(Topic(TinyTraining.Texts(20)), Rating(40));
        using var second = Fit(Rating(40), Topic(TinyTraining.Texts(20)));

        AssertSame(first, second);
    }

    [TestMethod]
    public void Another_seed_gives_other_models()
    {
        using var first = Fit(Topic(TinyTraining.Texts(20)), Rating(40));
        _options.Seed = 2;
        using var second = Fit(Topic(TinyTraining.Texts(20)), Rating(40));

        CollectionAssert.AreNotEqual(ValuesOf(first["topic"])["prefix"], ValuesOf(second["topic"])["prefix"]);
    }

    [TestMethod]
    public void One_task_alone_gives_the_bits_of_its_own_trainer()
    {
        var rows = TinyTraining.Texts(40);
        _training.Options.MaxEpochs = 2;
        using var single = _training.Fit(rows);

        using var models = Fit(Topic(rows));

        foreach (var (name, values) in ValuesOf(single))
            CollectionAssert.AreEqual(values, ValuesOf(models["topic"])[name], name);
    }

    [TestMethod]
    public void Epoch_has_as_many_steps_as_all_tasks_have_batches()
    {
        List<TrainingProgress> steps = [];
        _options.Progress = new EveryStep(steps.Add);

        using var models = Fit(Topic(TinyTraining.Texts(20)), Rating(41)); // 3 and 6 batches of 8.

        Assert.HasCount(18, steps);
        Assert.AreEqual(9, steps.Count(step => step.Epoch == 1));
        Assert.IsTrue(steps.All(step => step is { Steps: 18, Epochs: 2 }));
    }

    [TestMethod]
    [DataRow(1.0, 0.25)]
    [DataRow(1e9, 0.5)]
    public void Progress_tells_tasks_in_the_proportion_of_the_temperature(double temperature, double share)
    {
        List<TrainingProgress> steps = [];
        (_options.Temperature, _options.MaxEpochs, _options.Progress) = (temperature, 20, new EveryStep(steps.Add));

        using var models = Fit(Topic(TinyTraining.Texts(16)), Rating(48)); // 2 and 6 batches.

        Assert.HasCount(160, steps);
        Assert.AreEqual(160 * share, steps.Count(step => step.Task == "topic"), 4 * Math.Sqrt(160 * share * (1 - share)));
    }

    [TestMethod]
    public void Progress_tells_the_metric_of_the_steps_own_task()
    {
        List<TrainingProgress> steps = [];
        _options.Progress = new EveryStep(steps.Add);

        using var models = Fit(Topic(TinyTraining.Texts(20)), Rating(20));

        foreach (var step in steps)
        {
            Assert.AreEqual(step.Task == "topic" ? "accuracy" : "R²", step.MetricName);
            Assert.AreEqual(step.Epoch == 1 ? null : models[step.Task!].Summary!.Epochs[0].Metric, step.Metric);
        }
    }

    [TestMethod]
    public void Task_that_is_never_drawn_keeps_its_first_head_and_is_warned_of()
    {
        _options.Temperature = 1e-9;

        using var models = Fit(Topic(TinyTraining.Texts(20)), Rating(60));

        CollectionAssert.AreEqual(new float[2], ValuesOf(models["topic"])["head.bias"]);
        Assert.IsTrue(models["topic"].Summary!.Epochs.All(epoch => double.IsNaN(epoch.Loss) && double.IsNaN(epoch.Metric)));
        var warning = Assert.ContainsSingle(models["topic"].Summary!.Warnings);
        Assert.AreEqual(TrainingWarningCode.NotDrawn, warning.Code);
        StringAssert.Contains(warning.Text, "Task 'topic': no batch was drawn");
    }

    [TestMethod]
    public void Task_that_is_never_drawn_is_saved_and_loaded_all_the_same()
    {
        _options.Temperature = 1e-9;
        using var models = Fit(Topic(TinyTraining.Texts(20)), Rating(60));
        using var file = new MemoryStream();
        models["topic"].SaveTo(file);
        file.Position = 0;

        using var loaded = PTuningV2Transformer.LoadFrom(_training.Context, file);

        Assert.IsTrue(loaded.Summary!.Epochs.All(epoch => double.IsNaN(epoch.Loss) && double.IsNaN(epoch.Metric)));
    }

    [TestMethod]
    public void Epoch_with_the_best_mean_metric_over_validated_tasks_is_kept()
    {
        _options.MaxEpochs = 8;

        using var models = Fit(
            Topic(TinyTraining.Texts(40), Opposed(30)), Rating(40, validated: true), new("other", _training.Rated(40)));

        var (topic, rating) = (models["topic"].Summary!, models["rating"].Summary!);
        var best = topic.Epochs.Zip(rating.Epochs)
            .OrderByDescending(e => (e.First.ValidationMetric + e.Second.ValidationMetric) / 2)
            .ThenBy(e => (e.First.ValidationLoss + e.Second.ValidationLoss) / 2)
            .First().First.Epoch;
        Assert.IsNull(models["other"].Summary!.Epochs[0].ValidationMetric);
        foreach (var model in models.Values)
            Assert.AreEqual(best, model.Summary!.BestEpoch);
    }

    [TestMethod]
    public void Tasks_take_the_epochs_of_the_one_with_the_fewest_rows_where_the_options_do_not_say()
    {
        _options.MaxEpochs = 0;

        using var models = Fit(Topic(TinyTraining.Texts(20)), Rating(500));

        foreach (var model in models.Values)
            Assert.AreEqual(20, model.Summary!.Epochs.Count);
    }

    [TestMethod]
    public void Continuation_goes_on_from_the_shared_epochs()
    {
        using var shared = Fit(Topic(TinyTraining.Texts(20)), Rating(40));
        _options.ContinuationEpochs = 3;

        using var models = Fit(Topic(TinyTraining.Texts(20)), Rating(40));

        foreach (var (name, model) in models)
        {
            CollectionAssert.AreEqual(new[] { 1, 2, 3, 4, 5 }, model.Summary!.Epochs.Select(epoch => epoch.Epoch).ToArray());
            Assert.AreEqual(5, model.Summary.BestEpoch);
            Assert.AreEqual(shared[name].Summary!.Epochs[1].Loss, model.Summary.Epochs[1].Loss);
            Assert.AreEqual(shared[name].Summary!.TrainedParameters, model.Summary.TrainedParameters);
        }
        CollectionAssert.AreNotEqual(ValuesOf(models["topic"])["prefix"], ValuesOf(models["rating"])["prefix"]);
    }

    [TestMethod]
    [DataRow(0.02)]
    [DataRow(2.0, DisplayName = "with steps that spoil what was learned")]
    public void Continuation_is_never_worse_on_its_validation_set(double learningRate)
    {
        (_options.LearningRate, _options.MaxEpochs) = (learningRate, 5);
        using var shared = Fit(Topic(TinyTraining.Texts(40), TinyTraining.Texts(20, seed: 1)), Rating(40, validated: true));
        _options.ContinuationEpochs = 4;

        using var models = Fit(Topic(TinyTraining.Texts(40), TinyTraining.Texts(20, seed: 1)), Rating(40, validated: true));

        foreach (var (name, model) in models)
            Assert.IsGreaterThanOrEqualTo(BestMetric(shared[name]), BestMetric(model));

        static double BestMetric(PTuningV2Transformer model) => model.Summary!.Epochs[model.Summary.BestEpoch - 1].ValidationMetric!.Value;
    }

    [TestMethod]
    public void Summary_counts_rows_and_numbers_of_its_own_task()
    {
        using var models = Fit(Topic([.. TinyTraining.Texts(20), new LabelledText { Text = "a" }]), Rating(40));

        const int Prefix = 4 * 2 * TinyTraining.Layers * TinyTraining.HiddenSize;
        Assert.AreEqual((20, 1), (models["topic"].Summary!.RowsUsed, models["topic"].Summary!.RowsSkipped));
        Assert.AreEqual((40, 0), (models["rating"].Summary!.RowsUsed, models["rating"].Summary!.RowsSkipped));
        Assert.AreEqual(Prefix + 2 * TinyTraining.HiddenSize + 2, models["topic"].Summary!.TrainedParameters);
        Assert.AreEqual(Prefix + TinyTraining.HiddenSize + 1, models["rating"].Summary!.TrainedParameters);
        Assert.AreEqual(4 * (Prefix + TinyTraining.HiddenSize + 1), models["rating"].Summary!.TensorBytes);
    }

    [TestMethod]
    public void Log_tells_the_task_of_every_epoch()
    {
        using var models = Fit(Topic(TinyTraining.Texts(20)), Rating(40));

        foreach (var line in new[] { "Task 'topic': 20 training rows (", "Task 'topic': epoch 2 of 2: loss ", "Task 'rating': epoch 1 of 2: loss " })
            Assert.IsTrue(_training.Log.Any(logged => logged.Contains(line, StringComparison.Ordinal)), line);
    }

    [TestMethod]
    public void Continuation_of_a_projected_prefix_trains_the_prefix_itself()
    {
        (_options.PrefixProjection, _options.PrefixProjectionSize, _options.ContinuationEpochs) = (true, 6, 1);

        using var models = Fit(Topic(TinyTraining.Texts(20)), Rating(20));

        Assert.HasCount(3, models["topic"].Summary!.Epochs);
    }

    [TestMethod]
    public void Early_stopping_gives_the_continuation_its_own_patience()
    {
        (_options.EarlyStoppingPatience, _options.MaxEpochs, _options.ContinuationEpochs) = (2, 20, 5);
        var stopped = 0;

        for (var seed = 1; seed <= 4; seed++) // Which epoch is best depends on the seed.
        {
            _options.Seed = seed;
            using var models = Fit(Topic(TinyTraining.Texts(40), Opposed(30)), Rating(40));

            var shared = models["rating"].Summary!.Epochs.Count - 5; // Without a validation set it goes on to the end.
            var topic = models["topic"].Summary!;
            Assert.HasCount(Math.Min(shared + 5, Math.Max(shared, topic.BestEpoch) + 2), topic.Epochs);
            stopped += topic.Epochs.Count < shared + 5 ? 1 : 0;
        }

        Assert.IsGreaterThan(0, stopped);
    }

    [TestMethod]
    public void Options_changed_after_the_trainer_was_made_do_not_reach_it()
    {
        var trainer = new PTuningV2MultiTaskTrainer(_training.Context, _options);
        _options.MaxEpochs = 9;

        using var models = new Models(trainer.Fit(Named(Topic(TinyTraining.Texts(20)))));

        Assert.HasCount(2, models["topic"].Summary!.Epochs);
    }

    [TestMethod]
    public void Every_row_is_padded_to_the_largest_MaxLength_on_demand()
    {
        (_options.Advanced.PadToMaxLength, _options.Advanced.CacheTrunk) = (true, false);
        using var padded = Fit(Topic(TinyTraining.Texts(20)), Rating(20));
        _options.Advanced.PadToMaxLength = false;
        using var planned = Fit(Topic(TinyTraining.Texts(20)), Rating(20));

        foreach (var (task, model) in padded)
            Assert.AreEqual(planned[task].Summary!.Epochs[0].Loss, model.Summary!.Epochs[0].Loss, 1e-3, task); // Padding is masked.
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    public void Disposed_models_leave_no_native_memory_behind(int continuationEpochs)
    {
        _options.ContinuationEpochs = continuationEpochs;
        var before = LiveTensors.CountSettled();

        Fit(Topic(TinyTraining.Texts(20), TinyTraining.Texts(10, seed: 1)), Rating(20)).Dispose();

        Assert.AreEqual(before, LiveTensors.Count);
    }

    private static void AssertSame(Models expected, Models actual)
    {
        foreach (var (task, model) in expected)
            foreach (var (name, values) in ValuesOf(model))
                CollectionAssert.AreEqual(values, ValuesOf(actual[task])[name], $"{task}: {name}");
    }

    private static Dictionary<string, float[]> ValuesOf(PTuningV2Transformer model)
    {
        Dictionary<string, float[]> values = [];
        model.Model.Use((TrainedTensors tensors) => values = tensors.ToDictionary(t => t.Key, t => t.Value.cpu().data<float>().ToArray()));
        return values;
    }

    /// <summary>Rows with the other label: the better it is learned, the worse they judge.</summary>
    private static LabelledText[] Opposed(int rows) =>
        [.. TinyTraining.Texts(rows, seed: 1).Select(row => new LabelledText { Text = row.Text, Label = row.Label == "late" ? "early" : "late" })];

    private static Dictionary<string, PTuningV2MultiTaskData> Named(params KeyValuePair<string, PTuningV2MultiTaskData>[] tasks) => new(tasks);

    private Models Fit(params KeyValuePair<string, PTuningV2MultiTaskData>[] tasks) =>
        new(new PTuningV2MultiTaskTrainer(_training.Context, _options).Fit(Named(tasks)));

    private KeyValuePair<string, PTuningV2MultiTaskData> Topic(LabelledText[] rows, LabelledText[]? validation = null) =>
        new("topic", _training.Topics(rows, validation));

    private KeyValuePair<string, PTuningV2MultiTaskData> Rating(int rows, bool validated = false) => new("rating", _training.Rated(rows, validated));

    private sealed record Question
    {
        public string Context { get; set; } = "";

        [ColumnName("Question")]
        public string Text { get; set; } = "a";

        public string TrainingAnswer { get; set; } = "";

        public int AnswerIndex { get; set; }
    }
}
