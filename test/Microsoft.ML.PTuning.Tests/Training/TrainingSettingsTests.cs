using Microsoft.ML.PTuning.Training;

namespace Microsoft.ML.PTuning.Tests.Training;

[TestClass]
public sealed class TrainingSettingsTests
{
    [TestMethod]
    public void Learning_rate_falls_linearly_to_one_step_above_zero() =>
        AssertRates([1, 0.75, 0.5, 0.25], warmupRatio: 0);

    [TestMethod]
    public void Learning_rate_rises_linearly_from_zero_over_the_warm_up_then_falls() =>
        AssertRates([0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25], warmupRatio: 0.5);

    [TestMethod]
    public void Learning_rate_is_highest_after_the_warm_up() =>
        AssertRates([0, 1, 8 / 9.0, 7 / 9.0, 6 / 9.0, 5 / 9.0, 4 / 9.0, 3 / 9.0, 2 / 9.0, 1 / 9.0], warmupRatio: 0.1);

    [TestMethod]
    public void Learning_rate_would_be_zero_after_the_last_step() => Assert.AreEqual(0, Settings(0).LearningRateAt(10, 10));

    [TestMethod]
    public void Learning_rate_of_a_single_step_is_the_highest() => Assert.AreEqual(5e-3, Settings(0).LearningRateAt(0, 1));

    private static void AssertRates(double[] shares, double warmupRatio)
    {
        for (var step = 0; step < shares.Length; step++)
            Assert.AreEqual(5e-3 * shares[step], Settings(warmupRatio).LearningRateAt(step, shares.Length), 1e-15);
    }

    private static TrainingSettings Settings(double warmupRatio) => new() { LearningRate = 5e-3, BatchSize = 1, MaxEpochs = 1, WarmupRatio = warmupRatio };
}
