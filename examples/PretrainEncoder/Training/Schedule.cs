namespace PretrainEncoder.Training;

/// <summary>How far a training is, and the learning rate there: linear warm-up, then linear decay to 0.</summary>
internal sealed class Schedule(Settings settings)
{
    private const double Warmup = 0.04;

    /// <summary>How much of the training is done, from 0 to 1.</summary>
    public double Done(int steps, TimeSpan elapsed) => settings.Steps is { } all ? (double)steps / all : elapsed / settings.Time;

    public double RateAt(double done) => settings.LearningRate * Math.Min(done / Warmup, (1 - done) / (1 - Warmup));
}
