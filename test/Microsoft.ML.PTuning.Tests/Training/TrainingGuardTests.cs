using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tasks;
using Microsoft.ML.PTuning.Training;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>A training that goes wrong is noticed and taken back; a healthy one is left alone.</summary>
[TestClass]
[DoNotParallelize]
public sealed class TrainingGuardTests
{
    private const int Steps = 240, Window = Steps / 12;

    private static readonly MulticlassClassification Task = Any.Classification(2);

    private static readonly Example[] Rows = [.. Enumerable.Range(0, 8).Select(i => Any.Example(i % 2))];

    private TinyCheckpoint _checkpoint = null!;
    private Backbone _backbone = null!;
    private PromptOptimizer _optimizer = null!;

    [TestInitialize]
    public void MakeOptimizer()
    {
        _checkpoint = new TinyCheckpoint().Save();
        _backbone = _checkpoint.Load();
        _optimizer = TinyOptimizer.Of(Task, _backbone, new DeepPrefix { PrefixLength = 2 }, Settings(3));
    }

    [TestCleanup]
    public void Free()
    {
        _optimizer.Dispose();
        _backbone.Dispose();
        _checkpoint.Dispose();
    }

    /// <summary>Runs at rates that are too high, over which nothing but the guard differs. Each of them is chaotic, so their mean is judged.</summary>
    [TestMethod]
    public void Runs_that_collapse_are_rescued()
    {
        (TuningMethod? Method, double Rate)[] runs =
            [(null, 1), (new FineTuning(), 0.1), (new FineTuning(), 0.02), (new BitFit(), 0.1), (new LowRankAdaptation { Rank = 2 }, 0.1),
             (new LowRankAdaptation { Rank = 2 }, 0.3)];

        var (without, with) = (runs.Average(run => Accuracy(run.Method, run.Rate, 0)), runs.Average(run => Accuracy(run.Method, run.Rate, 3)));

        Assert.IsLessThan(0.7, without);
        Assert.IsGreaterThan(without + 0.05, with);
    }

    [TestMethod]
    public void Healthy_training_is_left_alone()
    {
        var rows = TinyTraining.Texts(200);
        using var training = new TinyTraining();
        (training.Options.MaxEpochs, training.Options.MaxRescues) = (10, 3);
        using var watched = training.Fit(rows);
        training.Options.MaxRescues = 0;

        CollectionAssert.AreEqual(training.FitAndScore(rows), training.Scores(watched, rows));
        Assert.IsEmpty(watched.Summary!.Rescues);
    }

    [TestMethod]
    public void Rescues_are_reported_logged_and_saved()
    {
        using var training = new TinyTraining();
        var most = 0;
        (training.Options.LearningRate, training.Options.MaxEpochs, training.Options.MaxRescues) = (3, 10, 3);
        training.Options.Progress = new EveryStep(progress => most = Math.Max(most, progress.Rescues));
        using var model = training.Fit(TinyTraining.Texts(200));
        using var file = new MemoryStream();
        model.SaveTo(file);
        file.Position = 0;

        using var loaded = PTuningV2Transformer.LoadFrom(training.Context, file);

        Assert.AreEqual(3, most);
        CollectionAssert.AreEqual(Describe(model.Summary!), Describe(loaded.Summary!));
        CollectionAssert.AreEqual(new[] { 1.5, 0.75, 0.375 }, loaded.Summary!.Rescues.Select(rescue => rescue.LearningRate).ToArray());
        StringAssert.Contains(loaded.Summary.ToString(), "learning rate 0.375 from there on");
        Assert.AreEqual(3, training.Log.Count(line => line.Contains("Training was going wrong at step ")));

        static string[] Describe(TrainingSummary summary) => [.. summary.Rescues.Select(rescue => $"{rescue.Reason} {rescue.Epoch} {rescue.Step}")];
    }

    [TestMethod]
    public void Half_the_rate_falls_to_0_over_the_steps_that_are_left()
    {
        using var guard = Guard(rescues: 2);

        Assert.IsTrue(guard.TryRescue(TrainingRescueReason.NotFinite, step: 40, Steps, epoch: 1));

        Assert.AreEqual(0.5, guard.LearningRateAt(40, Steps), 1e-12);
        Assert.AreEqual(0.25, guard.LearningRateAt(140, Steps), 1e-12);
        Assert.AreEqual(0, guard.LearningRateAt(Steps, Steps), 1e-12);
        Assert.IsTrue(guard.TryRescue(TrainingRescueReason.NotFinite, step: 50, Steps, epoch: 1));
        Assert.AreEqual(0.25, guard.LearningRateAt(50, Steps), 1e-12);
        Assert.IsFalse(guard.TryRescue(TrainingRescueReason.NotFinite, step: 60, Steps, epoch: 1));
    }

    [TestMethod]
    public void No_rescue_where_no_step_is_left()
    {
        using var guard = Guard();

        Assert.IsFalse(guard.TryRescue(TrainingRescueReason.NotFinite, Steps, Steps, epoch: 1));
        Assert.IsFalse(guard.TryRescue(TrainingRescueReason.OnePrediction, Steps, Steps, epoch: 1));
        Assert.IsTrue(guard.TryRescue(TrainingRescueReason.OnePrediction, Steps, Steps, epoch: 1, hasResult: true)); // The best epoch is the result.
    }

    [TestMethod]
    public void Parameters_go_back_to_the_best_epoch_and_the_optimiser_forgets()
    {
        using var guard = Guard();
        Step();
        Assert.IsNull(guard.WatchEpoch([Epoch(loss: 0.5)], step: 1));
        using var best = _optimizer.Current().Copy();
        Step();
        Assert.IsNull(guard.WatchEpoch([Epoch(loss: 0.6)], step: 2));
        Step();

        Assert.IsTrue(guard.TryRescue(TrainingRescueReason.NotFinite, step: 3, Steps, epoch: 3));

        using var back = _optimizer.Current().Copy();
        foreach (var (name, tensor) in best)
            Assert.IsTrue(tensor.equal(back[name]).all().item<bool>(), name);
        CollectionAssert.AreEqual(new[] { 0, 0 }, _optimizer.State.Steps.ToArray());
    }

    [TestMethod]
    public void An_epoch_that_is_no_better_than_guessing_is_not_gone_back_to()
    {
        using var guard = Guard();
        using var first = _optimizer.Current().Copy();
        Step();
        Assert.IsNull(guard.WatchEpoch([Epoch(loss: 0.69)], step: 1));

        Assert.IsTrue(guard.TryRescue(TrainingRescueReason.NotFinite, step: 1, Steps, epoch: 2));

        using var back = _optimizer.Current().Copy();
        foreach (var (name, tensor) in first)
            Assert.IsTrue(tensor.equal(back[name]).all().item<bool>(), name);
    }

    /// <summary>ln 2 = 0.693 is the loss of guessing.</summary>
    [TestMethod]
    [DataRow(0.5, 0.5, false, null, 12, DisplayName = "learning")]
    [DataRow(0.70, 0.70, true, TrainingRescueReason.OnePrediction, 3, DisplayName = "one prediction")]
    [DataRow(0.70, 0.72, false, TrainingRescueReason.NothingLearned, 4, DisplayName = "nothing learned")]
    [DataRow(0.70, 0.70, false, null, 12, DisplayName = "nothing learned yet, by small steps")]
    [DataRow(0.70, 0.9, false, TrainingRescueReason.AboveGuessing, 3, DisplayName = "above guessing and the untrained model")]
    [DataRow(2.0, 0.9, false, TrainingRescueReason.AboveGuessing, 4, DisplayName = "above guessing without progress")]
    [DataRow(0.70, 2.2, false, TrainingRescueReason.AboveGuessing, 1, DisplayName = "far above")]
    [DataRow(0.70, 0.5, true, null, 12, DisplayName = "one prediction, but less loss than guessing")]
    public void Windows_tell_what_is_going_wrong(double first, double later, bool hasOnePrediction, TrainingRescueReason? expected, int window)
    {
        using var guard = Guard();
        TrainingRescueReason? found = null;
        var step = 0;
        while (found is null && step < Steps)
            found = guard.Watch(0, Rows, Predictions(hasOnePrediction), new StepResult(step == 0 ? first : later, []), ++step);

        Assert.AreEqual(expected, found);
        Assert.AreEqual(window * Window, step);
    }

    [TestMethod]
    public void Loss_above_guessing_that_falls_is_left_alone()
    {
        using var guard = Guard();

        for (var step = 1; step <= Steps; step++)
            Assert.IsNull(guard.Watch(0, Rows, Predictions(false), new StepResult(2.2 * Math.Pow(0.995, step), []), step), $"step {step}");
    }

    [TestMethod]
    [DataRow(900, false)]
    [DataRow(1100, true)]
    [DataRow(double.PositiveInfinity, true)]
    public void Gradients_that_explode_are_noticed(double norm, bool isNoticed)
    {
        using var guard = Guard();
        for (var step = 1; step <= 8; step++)
            Assert.IsNull(guard.Watch(0, Rows, Predictions(false), new StepResult(0.6, [], GradientNorm: step % 2 == 0 ? 1 : 0.5), step));

        Assert.AreEqual(
            isNoticed ? TrainingRescueReason.ExplodingGradients : null,
            guard.Watch(0, Rows, Predictions(false), new StepResult(0.6, [], GradientNorm: norm), 9));
    }

    [TestMethod]
    [DataRow(0.69, 1.0, true, DisplayName = "guessing has 0.5, so that half of the gain is 0.2")]
    [DataRow(0.69, 0.7, false, DisplayName = "the loss has hardly risen")]
    [DataRow(0.71, 1.0, false, DisplayName = "the metric has hardly fallen")]
    public void Validation_that_falls_apart_is_noticed(double metric, double loss, bool isNoticed)
    {
        using var guard = Guard();
        Assert.IsNull(guard.WatchEpoch([Epoch(0.5, validationLoss: 0.5, validationMetric: 0.9)], step: 1));

        Assert.AreEqual(
            isNoticed ? TrainingRescueReason.ValidationFellApart : null,
            guard.WatchEpoch([Epoch(0.4, validationLoss: loss, validationMetric: metric)], step: 2));
    }

    private static double Accuracy(TuningMethod? method, double rate, int rescues)
    {
        using var training = new TinyTraining(setsPrefix: method is null);
        (training.Options.Method, training.Options.LearningRate, training.Options.MaxRescues, training.Options.MaxEpochs) = (method, rate, rescues, 10);
        using var model = training.Fit(TinyTraining.Texts(200));
        return model.Summary!.Epochs[^1].Metric;
    }

    private static TrainingSettings Settings(int rescues) =>
        new() { LearningRate = 1, BatchSize = 8, MaxEpochs = 1, Seed = 1, MaxRescues = rescues };

    private static Prediction[] Predictions(bool isOne) => [.. Rows.Select((_, i) => new ScorePrediction(isOne || i % 3 == 0 ? [0.9f, 0.1f] : [0.2f, 0.8f]))];

    private static EpochOutcome Epoch(double loss, double? validationLoss = null, double? validationMetric = null) => new(new EpochSummary
    {
        Epoch = 1,
        Loss = loss,
        Metric = 0.5,
        ValidationLoss = validationLoss,
        ValidationMetric = validationMetric,
        MetricName = "accuracy",
    });

    private TrainingGuard Guard(int rescues = 3) => new(
        Settings(rescues), [new(Task, new PromptNetwork(new DeepPrefix { PrefixLength = 2 }.Adapt(_backbone), Task.Head), new(Rows, 0), new(Rows, 0))],
        Steps, _optimizer);

    private void Step() => _optimizer.Step([.. Rows.Select(row => row.SinglePart())], learningRate: 0.1);
}
