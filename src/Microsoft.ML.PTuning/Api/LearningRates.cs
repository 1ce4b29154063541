namespace Microsoft.ML.PTuning;

/// <summary>Values of <see cref="TrainingOptions.LearningRate"/> that are no rates.</summary>
public static class LearningRates
{
    /// <summary>
    /// The rate is found by a range test before training (Smith 2017). Copies of the parameters take steps with a rate that grows from 1e-5 to 1, until
    /// the loss blows up; the rate is half of the one at which the smoothed loss fell fastest. The test takes a tenth of the training's steps, but at least
    /// 40 and at most 100. <see cref="TrainingSummary.LearningRateTest"/> has its curve.
    /// </summary>
    /// <example>
    /// <code>
    /// var options = new PTuningV2Trainer.MulticlassOptions { LearningRate = LearningRates.Auto };
    /// </code>
    /// </example>
    public const double Auto = 0;
}
