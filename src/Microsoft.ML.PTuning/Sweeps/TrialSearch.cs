using System.Diagnostics;

namespace Microsoft.ML.PTuning.Sweeps;

/// <summary>Runs the trials of a sweep in rounds, of which each keeps the best of the one before.</summary>
/// <param name="options">What all trials share.</param>
/// <param name="axes">What they differ in.</param>
/// <param name="measure">Trains with these options and measures; the sweep's cancellation is its own concern.</param>
/// <param name="file">Finds the trials of earlier runs, and keeps those of this one.</param>
internal sealed class TrialSearch<TOptions>(TOptions options, IReadOnlyList<SearchAxis> axes, Func<TOptions, double> measure, TrialFile file)
    where TOptions : PTuningV2Trainer.Options
{
    private readonly List<PTuningSweepTrial<TOptions>> _trials = [];

    private Exception? _firstFailure;

    public bool IsLowerBetter { get; init; }

    public IProgress<PTuningSweepProgress<TOptions>>? Progress { get; init; }

    public CancellationToken CancellationToken { get; init; }

    /// <param name="candidates">The values of each candidate, in the order of the axes.</param>
    /// <param name="rounds">Null for a single round with all candidates and the epochs of the options.</param>
    /// <exception cref="InvalidOperationException">All trials of a round failed.</exception>
    /// <exception cref="ArgumentException">A candidate is refused; nothing was trained.</exception>
    public PTuningSweepResult<TOptions> Run(IReadOnlyList<object[]> candidates, IReadOnlyList<HalvingRound>? rounds = null)
    {
        HalvingRound[] plan = rounds is null ? [new HalvingRound(candidates.Count, options.MaxEpochs)] : [.. rounds];
        foreach (var candidate in candidates)
            With(candidate, plan[^1].Epochs).Check();

        IReadOnlyList<object[]> remaining = candidates;
        var clock = new TrialClock(rounds is null ? [(candidates.Count, 1)] : [.. plan.Select(round => (round.Candidates, round.Epochs))]);
        while (true)
        {
            var round = plan[clock.Round];
            List<Tried> tried = [];
            foreach (var candidate in remaining)
            {
                CancellationToken.ThrowIfCancellationRequested();
                var trial = Try(candidate, With(candidate, round.Epochs), isInRounds: rounds is not null);
                tried.Add(new(candidate, trial));
                _trials.Add(trial);
                clock.Add(trial.WasKnown ? null : trial.Time);
                Progress?.Report(new()
                {
                    Done = _trials.Count,
                    Total = clock.Total,
                    Trial = trial,
                    Best = Ranked(tried).FirstOrDefault()?.Trial,
                    TimeLeft = clock.Left,
                });
            }

            var ranked = Ranked(tried);
            if (ranked.Count == 0)
                throw new InvalidOperationException(
                    $"Expected a trial that can be judged, but all {tried.Count} failed. The first one: {tried[0].Trial.Error} "
                    + "Correct the options that they share, or vary others.", _firstFailure);
            if (clock.Round == plan.Length - 1)
                return new() { Best = ranked[0].Trial, Trials = _trials };

            clock.Next();
            remaining = [.. ranked.Take(plan[clock.Round].Candidates).Select(best => best.Candidate)];
        }
    }

    // Stable: of equal ones the first stays first.
    private List<Tried> Ranked(IEnumerable<Tried> tried) =>
        [.. tried.Where(one => one.Trial.Error is null).OrderBy(one => IsLowerBetter ? one.Trial.Metric : -one.Trial.Metric)];

    private TOptions With(object[] values, int epochs)
    {
        var copy = (TOptions)options.Copy();
        copy.MaxEpochs = epochs;
        foreach (var (axis, value) in axes.Zip(values))
            OptionsRecord.Set(copy, axis.Option, value);
        return copy;
    }

    private PTuningSweepTrial<TOptions> Try(object[] candidate, TOptions trial, bool isInRounds)
    {
        var record = OptionsRecord.Of(trial);
        var known = file.Find(record);
        var outcome = known ?? Measure(trial);
        if (known is null)
            file.Add(record, outcome);
        var values = axes.Zip(candidate).ToDictionary(pair => pair.First.Name, pair => pair.Second);
        if (isInRounds)
            values[nameof(options.MaxEpochs)] = trial.MaxEpochs;
        return new()
        {
            Number = _trials.Count + 1,
            Options = trial,
            Values = values,
            Metric = outcome.Metric,
            Time = outcome.Time,
            Error = outcome.Error,
            WasKnown = known is not null,
        };
    }

    // A learning rate that is too high, or a prefix that is too long for the encoder, is a result of the sweep.
    private TrialOutcome Measure(TOptions trial)
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            var metric = measure(trial);
            return new(metric, Stopwatch.GetElapsedTime(start), double.IsNaN(metric) ? "The metric is not a number." : null);
        }
        catch (Exception failure) when (failure is InvalidOperationException or ArgumentException && !CancellationToken.IsCancellationRequested)
        {
            _firstFailure ??= failure;
            return new(double.NaN, Stopwatch.GetElapsedTime(start), failure.Message);
        }
    }

    private sealed record Tried(object[] Candidate, PTuningSweepTrial<TOptions> Trial);
}
