using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>What training several tasks together refuses, and how it ends where it cannot go on.</summary>
[TestClass]
[DoNotParallelize]
public sealed class PTuningV2MultiTaskFailureTests
{
    private TinyTraining _training = null!;
    private PTuningV2MultiTaskTrainer.Options _options = null!;

    [TestInitialize]
    public void MakeEncoder()
    {
        _training = new TinyTraining();
        _options = _training.MultiTaskOptions;
        _options.ContinuationEpochs = 1;
    }

    [TestCleanup]
    public void DeleteEncoder() => _training.Dispose();

    public static IEnumerable<object[]> SharedOptions =>
        from property in typeof(TrainingOptions).GetProperties()
        where property.SetMethod?.IsPublic == true
        select new object[] { property.Name };

    public static IEnumerable<object[]> AdvancedOptions =>
        from property in typeof(AdvancedTrainingOptions).GetProperties() select new object[] { property.Name };

    [TestMethod]
    [DynamicData(nameof(SharedOptions))]
    public void Option_that_holds_for_all_tasks_is_refused_in_a_task_even_at_its_default(string option)
    {
        var task = new PTuningV2Trainer.RegressionOptions();
        var property = typeof(TrainingOptions).GetProperty(option)!;
        property.SetValue(task, property.GetValue(task));

        AssertRefused(task, $"A task's options set {option}, which would be ignored");
    }

    [TestMethod]
    [DynamicData(nameof(AdvancedOptions))]
    public void Advanced_option_is_refused_in_a_task_even_at_its_default(string option)
    {
        var task = new PTuningV2Trainer.RegressionOptions();
        var property = typeof(AdvancedTrainingOptions).GetProperty(option)!;
        property.SetValue(task.Advanced, property.GetValue(task.Advanced));

        AssertRefused(task, $"A task's options set Advanced.{option}, which would be ignored");
    }

    [TestMethod]
    public void All_options_that_a_task_may_not_set_are_named() => AssertRefused(
        new PTuningV2Trainer.NamedEntityOptions { Seed = 5, MaxEpochs = 7, Advanced = { Shards = 1 }, LearningRate = 1e-9 },
        "A task's options set LearningRate, MaxEpochs, Seed, Advanced.Shards, which would be ignored");

    [TestMethod]
    public void Defaults_of_a_kind_of_task_are_not_taken_for_the_callers_choice()
    {
        using var data = new TinyTagging();

        _ = new PTuningV2MultiTaskData(new PTuningV2Trainer.NamedEntityOptions(), data.Keyed(TinyTagging.Sentences(2)));
        _ = new PTuningV2MultiTaskData(new PTuningV2Trainer.QuestionAnswerOptions(), data.Keyed(TinyTagging.Sentences(2)));
    }

    [TestMethod]
    public void Initial_model_of_a_task_is_refused()
    {
        using var initial = _training.Fit(TinyTraining.Ratings(20));

        AssertRefused(
            new PTuningV2Trainer.RegressionOptions { InitialModel = initial },
            "A task's options have an InitialModel, but the tasks share one new prefix. Leave it null.");
    }

    [TestMethod]
    public void No_tasks_are_refused()
    {
        var trainer = new PTuningV2MultiTaskTrainer(_training.Context, _options);

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => trainer.Fit(new Dictionary<string, PTuningV2MultiTaskData>()));

        StringAssert.Contains(refusal.Message, "There are no tasks.");
    }

    [TestMethod]
    public void Nothing_in_place_of_a_task_is_refused_by_its_name() =>
        StringAssert.Contains(Refused<InvalidOperationException>(null!).Message, "Task 'rating' is null.");

    [TestMethod]
    public void Nothing_in_place_of_context_tasks_trainer_or_rows_is_refused()
    {
        var rated = _training.Rated(20);

        Assert.ThrowsExactly<ArgumentNullException>(() => new PTuningV2MultiTaskTrainer(null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => new PTuningV2MultiTaskTrainer(_training.Context).Fit(null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => new PTuningV2MultiTaskData(null!, rated.Training));
        Assert.ThrowsExactly<ArgumentNullException>(() => new PTuningV2MultiTaskData(new PTuningV2Trainer.RegressionOptions(), null!));
    }

    [TestMethod]
    [DataRow(nameof(PTuningV2MultiTaskTrainer.Options.Temperature), 0.0)]
    [DataRow(nameof(PTuningV2MultiTaskTrainer.Options.Temperature), double.NaN)]
    [DataRow(nameof(PTuningV2MultiTaskTrainer.Options.ContinuationEpochs), -1)]
    [DataRow(nameof(PTuningV2MultiTaskTrainer.Options.PrefixLength), 0)]
    [DataRow(nameof(PTuningV2MultiTaskTrainer.Options.LearningRate), -1.0)]
    public void Option_out_of_range_is_refused_by_name_when_the_trainer_is_made(string option, object value)
    {
        typeof(PTuningV2MultiTaskTrainer.Options).GetProperty(option)!.SetValue(_options, value);

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new PTuningV2MultiTaskTrainer(_training.Context, _options));

        Assert.AreEqual(option, refusal.ParamName);
    }

    [TestMethod]
    public void Missing_column_is_told_with_the_tasks_name()
    {
        _training.Options.LabelColumnName = "Nowhere";

        var refusal = Refused<ArgumentOutOfRangeException>(_training.Rated(20));

        StringAssert.Contains(refusal.Message, "Task 'rating': The label column 'Nowhere' is missing; expected a scalar Single.");
        Assert.HasCount(2, refusal.Message.Split("(Parameter 'Nowhere')")); // Said once.
    }

    [TestMethod]
    public void Rows_that_teach_nothing_are_told_with_the_tasks_name()
    {
        var data = _training.Context.Data.LoadFromEnumerable(TinyTraining.Ratings(20, scale: 0));

        var refusal = Refused<InvalidOperationException>(new(_training.Options.TaskAs<PTuningV2Trainer.RegressionOptions>(), data));

        StringAssert.Contains(refusal.Message, "Task 'rating': All 20 training rows have the value 0 in label column 'Label'.");
    }

    [TestMethod]
    public void Text_beyond_the_encoders_positions_is_told_with_the_tasks_name()
    {
        _training.Options.MaxLength = 13;

        var refusal = Refused<InvalidOperationException>(_training.Rated(20));

        StringAssert.Contains(refusal.Message, "Task 'rating': The options do not fit");
        StringAssert.Contains(refusal.Message, "PrefixLength 4 and MaxLength 13 together exceed the 16 positions");
    }

    [TestMethod]
    public void Early_stopping_without_any_validation_set_is_refused()
    {
        _options.EarlyStoppingPatience = 1;

        var refusal = Refused<InvalidOperationException>(_training.Rated(20));

        StringAssert.Contains(refusal.Message, "EarlyStoppingPatience needs a validation set of at least one task");
    }

    [TestMethod]
    public void Divergence_is_told_with_the_tasks_name_and_advice()
    {
        _options.LearningRate = 1e30;

        var refusal = Refused<InvalidOperationException>(_training.Rated(40));

        StringAssert.Matches(
            refusal.Message, new(@"^Task '(topic|rating)': the loss became (NaN|Infinity) at step \d+ of 16 \(epoch \d\)\..*try a tenth"));
    }

    [TestMethod]
    [DataRow(2, DisplayName = "in the shared epochs")]
    [DataRow(12, DisplayName = "while the first task goes on alone")]
    [DataRow(15, DisplayName = "while the second task goes on alone")]
    public void Cancelled_training_ends_before_the_next_step(int last)
    {
        using var source = new CancellationTokenSource();
        var steps = 0;
        _options.CancellationToken = source.Token;
        _options.Progress = new EveryStep(_ =>
        {
            if (++steps == last)
                source.Cancel();
        });

        Refused<OperationCanceledException>(_training.Rated(20, validated: true)); // 2 · (3 + 3) shared steps, then 3 of each task.

        Assert.AreEqual(last, steps);
    }

    private Models Fit(PTuningV2MultiTaskData rating) => new(new PTuningV2MultiTaskTrainer(_training.Context, _options).Fit(
        new Dictionary<string, PTuningV2MultiTaskData> { ["rating"] = rating, ["topic"] = TopicsOfDefaults() }));

    /// <returns>What Fit threw, having freed everything.</returns>
    private T Refused<T>(PTuningV2MultiTaskData rating)
        where T : Exception
    {
        var before = LiveTensors.CountSettled();
        var refusal = Assert.ThrowsExactly<T>(() => Fit(rating));
        Assert.AreEqual(before, LiveTensors.Count);
        return refusal;
    }

    private void AssertRefused(PTuningV2Trainer.Options task, string message)
    {
        var refusal = Assert.ThrowsExactly<ArgumentException>(
            () => new PTuningV2MultiTaskData(task, _training.Context.Data.LoadFromEnumerable(TinyTraining.Ratings(20))));

        StringAssert.StartsWith(refusal.Message, message);
        Assert.AreEqual("task", refusal.ParamName);
    }

    /// <summary>A task without fault, whatever the options of the other are.</summary>
    private PTuningV2MultiTaskData TopicsOfDefaults()
    {
        using var other = new TinyTraining();
        return other.Topics(TinyTraining.Texts(20));
    }
}
