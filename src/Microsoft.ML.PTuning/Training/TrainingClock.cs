using System.Diagnostics;

namespace Microsoft.ML.PTuning.Training;

/// <summary>Counts steps and rows, and tells how fast they go and how long the rest will take.</summary>
/// <param name="rows">Rows of each task.</param>
internal sealed class TrainingClock(IReadOnlyList<int> rows, int batchSize, int epochs)
{
    private readonly Stopwatch _total = Stopwatch.StartNew();
    private readonly Stopwatch _steps = new();
    private long _rows;
    private TimeSpan _timed; // Of the steps that have ended; the next may be running.

    /// <summary>Steps planned, over all epochs.</summary>
    public int Steps { get; } = (int)Math.Min(StepsOf(rows, batchSize) * epochs, int.MaxValue);

    /// <summary>Steps of an epoch: as many as the batches of all tasks.</summary>
    public long StepsAnEpoch { get; } = StepsOf(rows, batchSize);

    /// <summary>Steps done.</summary>
    public int Step { get; private set; }

    /// <summary>What was done for this training before its clock started.</summary>
    public TimeSpan Preparation { get; init; }

    public TimeSpan Elapsed => Preparation + _total.Elapsed;

    /// <summary>Training rows a second, over the time of the steps alone.</summary>
    public double SamplesPerSecond => _rows / _timed.TotalSeconds;

    /// <summary>The time that the steps left will take if they go on as the whole did so far, validation included.</summary>
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
