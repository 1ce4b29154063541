using System.Diagnostics;

namespace Microsoft.ML.PTuning.Training;

/// <summary>Counts steps and rows, and computes their speed and the time left.</summary>
/// <param name="rows">Rows of each task.</param>
internal sealed class TrainingClock(IReadOnlyList<int> rows, int batchSize, int epochs)
{
    private readonly Stopwatch _total = Stopwatch.StartNew();
    private readonly Stopwatch _steps = new();
    private long _rows;
    private ClockState _before = new(0, TimeSpan.Zero, 0, TimeSpan.Zero); // What a run that was stopped had reached.
    private TimeSpan _timed; // Time of the steps that have ended; the next may be running.

    /// <summary>Steps planned, over all epochs.</summary>
    public int Steps { get; } = (int)Math.Min(StepsOf(rows, batchSize) * epochs, int.MaxValue);

    /// <summary>Steps per epoch: the sum of the tasks' batches.</summary>
    public long StepsAnEpoch { get; } = StepsOf(rows, batchSize);

    /// <summary>Steps done.</summary>
    public int Step { get; private set; }

    /// <summary>Time spent on this training before the clock started.</summary>
    public TimeSpan Preparation { get; init; }

    public TimeSpan Elapsed => Preparation + Running;

    /// <summary>Training rows per second, over the time of the steps alone.</summary>
    public double SamplesPerSecond => (_before.Rows + _rows) / (_before.Timed + _timed).TotalSeconds;

    /// <summary>The estimated time of the remaining steps, at the average speed so far, validation included.</summary>
    public TimeSpan TimeLeft => Running * ((double)(Steps - Step) / Step);

    /// <summary>Where it stands. Setting it goes on from there.</summary>
    public ClockState State
    {
        get => new(Step, Running, _before.Rows + _rows, _before.Timed + _timed);
        set => (Step, _before) = (value.Steps, value);
    }

    private TimeSpan Running => _before.Elapsed + _total.Elapsed;

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

/// <summary>What a clock has counted.</summary>
/// <param name="Elapsed">Time since the first step, validation included.</param>
/// <param name="Timed">Time of the steps alone.</param>
internal sealed record ClockState(int Steps, TimeSpan Elapsed, long Rows, TimeSpan Timed);
