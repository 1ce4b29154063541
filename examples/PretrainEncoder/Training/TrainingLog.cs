using System.Diagnostics;

namespace PretrainEncoder.Training;

/// <summary>Says every so often how far a training is.</summary>
internal sealed class TrainingLog(TextWriter output, Stopwatch clock)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(20);

    private TimeSpan _last = clock.Elapsed;
    private double _lossSum;
    private int _steps;
    private long _tokens;

    /// <summary>Tokens that were read since the beginning.</summary>
    public long Tokens { get; private set; }

    public void Add(double loss, int tokens)
    {
        _lossSum += loss;
        _steps++;
        _tokens += tokens;
        Tokens += tokens;
    }

    /// <summary>Writes a line where the last one is a while ago: means since then.</summary>
    public void WriteIfDue(double done, int step, double rate)
    {
        TimeSpan since = clock.Elapsed - _last;
        if (since < Interval)
            return;

        output.WriteLine(FormattableString.Invariant(
            $"{done,6:P1}  step {step,6}  loss {_lossSum / _steps:F3}  {_tokens / since.TotalSeconds,6:F0} tokens/s  rate {rate:0.0e0}"));
        (_last, _lossSum, _steps, _tokens) = (clock.Elapsed, 0, 0, 0);
    }
}
