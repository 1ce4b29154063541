using System.Diagnostics;

namespace Microsoft.ML.PTuning.Training;

/// <summary>Counts steps and rows, and tells how fast they go and how long the rest will take.</summary>
internal sealed class TrainingClock(int rows, int batchSize, int epochs)
{
    private readonly Stopwatch _total = Stopwatch.StartNew();
    private readonly Stopwatch _steps = new();
    private long _rows;

    /// <summary>Steps planned, over all epochs.</summary>
    public int Steps { get; } = (int)Math.Min(((long)rows + batchSize - 1) / batchSize * epochs, int.MaxValue);

    /// <summary>Steps done.</summary>
    public int Step { get; private set; }

    public TimeSpan Elapsed => _total.Elapsed;

    /// <summary>Training rows a second, over the time of the steps alone.</summary>
    public double SamplesPerSecond => _rows / _steps.Elapsed.TotalSeconds;

    /// <summary>The time that the steps left will take if they go on as the whole did so far, validation included.</summary>
    public TimeSpan TimeLeft => _total.Elapsed * ((double)(Steps - Step) / Step);

    public void StartStep() => _steps.Start();

    public void EndStep(int batchRows)
    {
        _steps.Stop();
        _rows += batchRows;
        Step++;
    }
}
