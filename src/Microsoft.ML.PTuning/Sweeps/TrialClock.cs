namespace Microsoft.ML.PTuning.Sweeps;

/// <summary>Counts the trials of a sweep and estimates the time left from the weight of a round's trials: their epochs.</summary>
/// <param name="parallel">How many trials run side by side.</param>
internal sealed class TrialClock(IReadOnlyList<(int Trials, int Weight)> rounds, int parallel)
{
    private readonly List<(int Trials, int Weight)> _rounds = [.. rounds];
    private int _done;
    private double _seconds, _weight;

    /// <summary>The current round, from 0.</summary>
    public int Round { get; private set; }

    public int Total => _rounds.Sum(round => round.Trials);

    /// <summary>Null before the first trial was timed.</summary>
    public TimeSpan? Left
    {
        get
        {
            if (_weight == 0)
                return null;

            var (trials, weight) = _rounds[Round];
            var left = (trials - _done) * weight + _rounds.Skip(Round + 1).Sum(round => round.Trials * round.Weight);
            return TimeSpan.FromSeconds(_seconds / _weight * left / parallel);
        }
    }

    /// <param name="time">Null for a trial of the results file.</param>
    public void Add(TimeSpan? time)
    {
        _done++;
        if (time is { } taken)
            (_seconds, _weight) = (_seconds + taken.TotalSeconds, _weight + _rounds[Round].Weight);
    }

    /// <summary>Begins the next round.</summary>
    public void Next()
    {
        _done = 0;
        Round++;
    }
}
