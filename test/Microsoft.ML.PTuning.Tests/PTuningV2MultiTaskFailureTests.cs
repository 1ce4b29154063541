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

    [TestMethod]
    [DataRow(nameof(PTuningV2Trainer.Options.Backbone), "nobody/nothing", "Backbone is nobody/nothing, expected ")]
    [DataRow(nameof(PTuningV2Trainer.Options.PrefixLength), 3, "PrefixLength is 3, expected 4")]
    [DataRow(nameof(PTuningV2Trainer.Options.PrefixLayers), 2, "PrefixLayers is 2, expected 0")]
    [DataRow(nameof(PTuningV2Trainer.Options.PrefixProjection), true, "PrefixProjection is True, expected False")]
    [DataRow(nameof(PTuningV2Trainer.Options.PositionOffset), PositionOffset.None, "PositionOffset is None, expected Prefix")]
    public void Trainer_with_another_encoder_or_prefix_is_refused_by_its_tasks_name(string option, object value, string message)
    {
        typeof(PTuningV2Trainer.Options).GetProperty(option)!.SetValue(_training.Options, value);

        var refusal = Refused<InvalidOperationException>(_training.Rated(20));

        StringAssert.Contains(refusal.Message, $"The trainer of task 'rating' has another encoder or prefix than the tasks share: {message}");
        StringAssert.Contains(refusal.Message, "Set them in the options of the multi-task trainer, and leave those of the task's trainer");
    }

    [TestMethod]
    public void Trainer_that_leaves_encoder_and_prefix_at_their_defaults_takes_the_shared_ones()
    {
        var defaults = new PTuningV2Trainer.Options();
        (_training.Options.Backbone, _training.Options.PrefixLength) = (null, defaults.PrefixLength);

        using var models = Fit(_training.Rated(20));

        Assert.AreEqual(_options.Backbone, models["rating"].Backbone.Directory);
    }

    [TestMethod]
    public void Trainer_with_an_initial_model_is_refused()
    {
        using var initial = _training.Fit(TinyTraining.Ratings(20));
        _training.Options.InitialModel = initial;

        var refusal = Refused<InvalidOperationException>(_training.Rated(20));

        Assert.AreEqual("The trainer of task 'rating' has an InitialModel, but the tasks share one new prefix. Leave it null.", refusal.Message);
    }

    [TestMethod]
    public void Trainer_that_pads_to_its_maximum_is_refused()
    {
        _training.Options.PadToMaxLength = true;

        var refusal = Refused<InvalidOperationException>(_training.Rated(20));

        Assert.AreEqual(
            "The trainer of task 'rating' has PadToMaxLength, but the tasks learn from batches of any length. Set it to false.", refusal.Message);
    }

    [TestMethod]
    public void No_tasks_are_refused()
    {
        var trainer = new PTuningV2MultiTaskTrainer(_training.Context, _options);

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => trainer.Fit(new Dictionary<string, MultiTaskData>()));

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
        Assert.ThrowsExactly<ArgumentNullException>(() => new MultiTaskData(null!, rated.Training));
        Assert.ThrowsExactly<ArgumentNullException>(() => new MultiTaskData(rated.Trainer, null!));
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

        var refusal = Refused<InvalidOperationException>(new(_training.Rated(20).Trainer, data));

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

    private Models Fit(MultiTaskData rating) => new(new PTuningV2MultiTaskTrainer(_training.Context, _options).Fit(
        new Dictionary<string, MultiTaskData> { ["rating"] = rating, ["topic"] = TopicsOfDefaults() }));

    /// <returns>What Fit threw, having freed everything.</returns>
    private T Refused<T>(MultiTaskData rating)
        where T : Exception
    {
        var before = LiveTensors.CountSettled();
        var refusal = Assert.ThrowsExactly<T>(() => Fit(rating));
        Assert.AreEqual(before, LiveTensors.Count);
        return refusal;
    }

    /// <summary>A task without fault, whatever the options of the other are.</summary>
    private MultiTaskData TopicsOfDefaults()
    {
        using var other = new TinyTraining();
        (other.Options.Backbone, other.Options.PrefixLength) = (_options.Backbone, _options.PrefixLength);
        return other.Topics(TinyTraining.Texts(20));
    }
}
