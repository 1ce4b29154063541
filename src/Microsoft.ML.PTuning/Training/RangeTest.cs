namespace Microsoft.ML.PTuning.Training;

/// <summary>Finds a learning rate (Smith 2017, "Cyclical Learning Rates", section 3.3): steps with a rate that grows, until the loss blows up.</summary>
/// <remarks>
/// It steps on parameters of its own and draws from random streams of its own, so the training behind it is the one that a fixed rate of the same value
/// gives, bit for bit.
/// </remarks>
internal static class RangeTest
{
    /// <summary>The test's share of the training's steps, and its limits in steps.</summary>
    private const double Share = 0.1;
    private const int LeastSteps = 40, MostSteps = 100;

    /// <summary>How much of the smoothed loss each step keeps.</summary>
    private const double Smoothing = 0.8;

    /// <summary>
    /// The test ends when the smoothed loss has risen from its lowest by so many times what it had fallen, or half of the first loss if that is more.
    /// </summary>
    private const double BlownUp = 3;

    /// <summary>The part of the rate of the steepest descent that is taken.</summary>
    private const double Margin = 0.5;

    /// <param name="steps">Steps of the training.</param>
    /// <param name="usual">The rate where the loss never falls.</param>
    /// <param name="step">Makes a step with a rate, and returns its loss.</param>
    public static LearningRateTest Run(int steps, double usual, Func<double, double> step)
    {
        var planned = Math.Clamp((int)(Share * steps), LeastSteps, MostSteps);
        var smoothed = new List<double>();
        var (sum, weight, lowest) = (0.0, 0.0, double.PositiveInfinity);
        for (var i = 0; i < planned; i++)
        {
            var loss = step(LearningRateTest.RateAt(i, planned));
            (sum, weight) = (Smoothing * sum + (1 - Smoothing) * loss, Smoothing * weight + 1 - Smoothing);
            var now = sum / weight;
            if (!double.IsFinite(now))
                break;
            smoothed.Add(Math.Round(now, 6));
            lowest = Math.Min(lowest, now);
            var fallen = Math.Max(smoothed[0] - lowest, 0.5 * Math.Abs(smoothed[0]));
            if (now > lowest + BlownUp * fallen)
                break;
        }
        return new() { LearningRate = Choose(smoothed, planned) ?? usual, PlannedSteps = planned, Losses = smoothed };
    }

    /// <summary>The rate in the middle of the half decade over which the loss fell most, to a new low: noise falls, too, but from where it rose.</summary>
    /// <returns>Null where the loss never falls.</returns>
    private static double? Choose(List<double> losses, int planned)
    {
        var half = Math.Max(1, planned / 20);
        var best = (Step: 0, Fall: 0.0);
        var low = double.PositiveInfinity;
        for (var end = 0; end < losses.Count; end++)
        {
            if (end >= 2 * half && losses[end] < low && losses[end - 2 * half] - losses[end] is var fall && fall > best.Fall)
                best = (end - half, fall);
            low = Math.Min(low, losses[end]);
        }
        return best.Fall > 0 ? Margin * LearningRateTest.RateAt(best.Step, planned) : null;
    }
}
