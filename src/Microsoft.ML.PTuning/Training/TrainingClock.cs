using System.Diagnostics;

namespace Microsoft.ML.PTuning.Training;

/// <summary>Counts steps and rows, and computes their speed and the time left.</summary>
/// <param name="rows">Rows of each task.</param>
internal sealed class TrainingClock(IReadOnlyList<int> rows, int batchSize, int epochs)
{
    private readonly Stopwatch _total = Stopwatch.StartNew();
    private readonly Stopwatch _steps = new();
    private long _rows;
    private TimeSpan _timed; // Time of the steps that have ended; the next may be running.

    /// <summary>Steps planned, over all epochs.</summary>
    public int Steps { get; } = (int)Math.Min(StepsOf(rows, batchSize) * epochs, int.MaxValue);

    /// <summary>Steps per epoch: the sum of the tasks' batches.</summary>
    public long StepsAnEpoch { get; } = StepsOf(rows, batchSize);

    /// <summary>Steps done.</summary>
    public int Step { get; private set; }

    /// <summary>Time spent on this training before the clock started.</summary>
    public TimeSpan Preparation { get; init; }

    public TimeSpan Elapsed => Preparation + _total.Elapsed;

    /// <summary>Training rows per second, over the time of the steps alone.</summary>
    public double SamplesPerSecond => _rows / _timed.TotalSeconds;

    /// <summary>The estimated time of the remaining steps, at the average speed so far, validation included.</summary>
    public TimeSpan TimeLeft => _total.Elapsed * ((double)(Steps - Step) / Step);

    public void StartStep() => _steps.Start();

    public void EndStep(int batchRows)
    {
        _steps.Stop();
        _timed = _steps.Elapsed;
        _rows += batchRows;
        Step++;
    }

    private static long StepsOf(IReadOnlyList<int> rows, int batchSize) => rows.Sum(count => ((long)count + batchSize - 1) / batchSize);
}
