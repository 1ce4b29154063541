using Microsoft.ML.PTuning.Tests.Training.Resuming;
using Microsoft.ML.PTuning.Training;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>Learning rates that are found before training.</summary>
[TestClass]
[DoNotParallelize]
public sealed class RangeTestTests : StoppedTraining
{
    /// <summary>The loss falls in a logistic curve of the rate's logarithm, steepest at 1e-2, and blows up above 0.2.</summary>
    [TestMethod]
    public void Rate_is_half_of_that_of_the_steepest_descent()
    {
        var test = RangeTest.Run(steps: 10_000, usual: 0.5, rate => rate > 0.2 ? 50 * rate : 1 / (1 + Math.Pow(rate / 1e-2, 2)));

        Assert.AreEqual(100, test.PlannedSteps);
        Assert.IsTrue(test.LearningRate is > 0.5e-2 and < 1e-2, $"{test.LearningRate}"); // Smoothing delays the curve by four twentieths of a decade.
        Assert.IsTrue(test.Rates[^1] is > 0.2 and < 0.5, $"{test.Rates[^1]}");
        Assert.HasCount(test.Losses.Count, test.Rates);
        Assert.AreEqual(1e-5, test.Rates[0], 1e-12);
    }

    [TestMethod]
    [DataRow(10, 40)]
    [DataRow(600, 60)]
    [DataRow(100_000, 100)]
    public void Test_takes_a_tenth_of_the_steps_within_limits(int steps, int planned) =>
        Assert.AreEqual(planned, RangeTest.Run(steps, usual: 1, _ => 1).PlannedSteps);

    [TestMethod]
    [DataRow(0.0, DisplayName = "a loss that stays")]
    [DataRow(1.0, DisplayName = "a loss that rises")]
    [DataRow(double.NaN, DisplayName = "no number")]
    public void Usual_rate_is_taken_where_the_loss_never_falls(double slope)
    {
        var loss = 1.0;

        var test = RangeTest.Run(steps: 500, usual: 0.123, _ => loss += slope);

        Assert.AreEqual(0.123, test.LearningRate);
        Assert.IsTrue(test.Losses.All(double.IsFinite));
    }

    [TestMethod]
    public void Training_is_that_of_a_given_rate_of_the_same_value()
    {
        Make(options => options.LearningRate = LearningRates.Auto);

        var found = Run();

        var test = found.Summary.LearningRateTest!;
        Assert.AreEqual(40, test.PlannedSteps);
        Assert.Contains($"found by a test of {test.Losses.Count} steps", string.Join('\n', Training.Log));
        Training.Options.LearningRate = test.LearningRate;
        var given = Run();
        AssertSame(given, found);
        Assert.IsNull(given.Summary.LearningRateTest);
    }

    [TestMethod]
    public void Stopped_training_goes_on_with_the_rate_that_was_found()
    {
        Make(options => options.LearningRate = LearningRates.Auto);
        var expected = Run();

        var stopped = RunStopped(4, 11);

        AssertSame(expected, stopped);
        Assert.AreEqual(expected.Summary.LearningRateTest!.LearningRate, stopped.Summary.LearningRateTest!.LearningRate);
    }

    [TestMethod]
    public void Curve_is_saved_with_the_model()
    {
        Make(options => options.LearningRate = LearningRates.Auto);
        using var model = Training.Fit(Rows);
        using var stream = new MemoryStream();

        model.SaveTo(stream);
        stream.Position = 0;
        using var loaded = PTuningV2Transformer.LoadFrom(Training.Context, stream);

        var (expected, read) = (model.Summary!.LearningRateTest!, loaded.Summary!.LearningRateTest!);
        Assert.AreEqual((expected.LearningRate, expected.PlannedSteps), (read.LearningRate, read.PlannedSteps));
        CollectionAssert.AreEqual(expected.Losses.ToArray(), read.Losses.ToArray());
    }

    [TestMethod]
    public void Cancelled_test_leaves_nothing_behind()
    {
        Make(options => options.LearningRate = LearningRates.Auto);
        using var source = new CancellationTokenSource();
        Training.Options.CancellationToken = source.Token;
        var before = LiveTensors.CountSettled();
        source.Cancel();

        Assert.ThrowsExactly<OperationCanceledException>(() => Run());

        Assert.AreEqual(before, LiveTensors.CountSettled());
    }

    [TestMethod]
    public void Usual_rate_is_that_of_the_task_or_of_the_method()
    {
        Assert.AreEqual(2e-2, Usual(new PTuningV2Trainer.NamedEntityOptions { LearningRate = LearningRates.Auto }));
        Assert.AreEqual(1e-2, Usual(new PTuningV2Trainer.MulticlassOptions { LearningRate = LearningRates.Auto }));
        Assert.AreEqual(2e-3, Usual(new PTuningV2Trainer.MulticlassOptions { LearningRate = LearningRates.Auto, Method = new BitFit() }));

        static double Usual(TrainingOptions options) => options.Settings(seed: 1, shards: 1, _ => { }, () => { }).UsualLearningRate;
    }

    [TestMethod]
    public void Negative_rate_is_refused()
    {
        Make(options => options.LearningRate = -1);

        Assert.Contains("must be LearningRates.Auto or a positive number", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Run()).Message);
    }
}
