using System.Collections.Concurrent;
using System.Diagnostics;

namespace Microsoft.ML.PTuning.Sweeps;

/// <summary>Runs the trials of a sweep in rounds, of which each keeps the best of the one before.</summary>
/// <param name="options">What all trials share.</param>
/// <param name="axes">What they differ in.</param>
/// <param name="measure">Trains with these options and measures.</param>
/// <param name="file">Finds the trials of earlier runs, and keeps those of this one.</param>
internal sealed class TrialSearch<TOptions>(TOptions options, IReadOnlyList<SearchAxis> axes, TrialMeasure<TOptions> measure, TrialFile file)
    where TOptions : PTuningV2Trainer.Options
{
    private readonly List<PTuningSweepTrial<TOptions>> _trials = [];

    private readonly ConcurrentDictionary<int, Exception> _failures = []; // By candidate.

    public bool IsLowerBetter { get; init; }

    public IProgress<PTuningSweepProgress<TOptions>>? Progress { get; init; }

    /// <summary>How many trials are measured side by side.</summary>
    public int Parallel { get; init; } = 1;

    public CancellationToken CancellationToken { get; init; }

    /// <summary>Runs on the calling thread if <c>measure</c> does, and if one trial is measured at a time.</summary>
    /// <param name="candidates">The values of each candidate, in the order of the axes.</param>
    /// <param name="rounds">Null for a single round with all candidates and the epochs of the options.</param>
    /// <exception cref="InvalidOperationException">All trials of a round failed.</exception>
    /// <exception cref="ArgumentException">A candidate is refused; nothing was trained.</exception>
    public async Task<PTuningSweepResult<TOptions>> RunAsync(IReadOnlyList<object[]> candidates, IReadOnlyList<HalvingRound>? rounds = null)
    {
        HalvingRound[] plan = rounds is null ? [new HalvingRound(candidates.Count, options.MaxEpochs)] : [.. rounds];
        foreach (var candidate in candidates)
            With(options, axes, candidate, plan[^1].Epochs).Check();

        IReadOnlyList<int> remaining = [.. Enumerable.Range(0, candidates.Count)];
        var clock = new TrialClock(rounds is null ? [(candidates.Count, 1)] : [.. plan.Select(round => (round.Candidates, round.Epochs))], Parallel);
        while (true)
        {
            var tried = await RunRoundAsync(candidates, remaining, plan[clock.Round].Epochs, rounds is not null, clock).ConfigureAwait(false);
            _trials.AddRange(tried.Select(one => one.Trial));
            var ranked = Ranked(tried);
            if (ranked.Count == 0)
                throw new InvalidOperationException(
                    $"Expected a trial that can be judged, but all {tried.Length} failed. The first one: {tried[0].Trial.Error} "
                    + "Correct the options that they share, or vary others.", _failures.GetValueOrDefault(tried[0].Candidate));
            if (clock.Round == plan.Length - 1)
                return new() { Best = ranked[0].Trial, Trials = _trials };

            clock.Next();
            remaining = [.. ranked.Take(plan[clock.Round].Candidates).Select(best => best.Candidate)];
        }
    }

    /// <summary>The options of a candidate.</summary>
    public static TOptions With(TOptions shared, IReadOnlyList<SearchAxis> axes, object[] values, int epochs)
    {
        var copy = (TOptions)shared.Copy();
        copy.MaxEpochs = epochs;
        foreach (var (axis, value) in axes.Zip(values))
            OptionsRecord.Set(copy, axis.Option, value);
        return copy;
    }

    // Measures up to Parallel trials at a time. Only this method, and not the measuring, touches the file and reports.
    private async Task<Tried[]> RunRoundAsync(IReadOnlyList<object[]> candidates, IReadOnlyList<int> remaining, int epochs, bool isInRounds, TrialClock clock)
    {
        var tried = new Tried?[remaining.Count];
        var running = new List<Task<Tried>>();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(CancellationToken);
        try
        {
            for (var (begun, done) = (0, 0); done < tried.Length; done++)
            {
                for (; begun < tried.Length && running.Count < Parallel; begun++)
                {
                    stop.Token.ThrowIfCancellationRequested();
                    running.Add(TryAsync(begun, remaining[begun], candidates[remaining[begun]], epochs, isInRounds, stop.Token));
                }

                var ended = await Task.WhenAny(running).ConfigureAwait(false);
                running.Remove(ended);
                var one = await ended.ConfigureAwait(false);
                tried[one.Place] = one;
                Keep(one);
                clock.Add(one.Trial.WasKnown ? null : one.Trial.Time);
                Progress?.Report(new()
                {
                    Done = _trials.Count + done + 1,
                    Total = clock.Total,
                    Trial = one.Trial,
                    Best = Ranked(tried.OfType<Tried>()).FirstOrDefault()?.Trial,
                    TimeLeft = clock.Left,
                });
            }
        }
        catch
        {
            stop.Cancel();
            await ((Task)Task.WhenAll(running)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (var one in running.Where(task => task.IsCompletedSuccessfully).Select(task => task.Result))
                Keep(one);
            throw;
        }

        return tried!;

        void Keep(Tried one)
        {
            if (!one.Trial.WasKnown)
                file.Add(OptionsRecord.Of(one.Trial.Options), one.Outcome);
        }
    }

    // Stable: of equal ones the first stays first.
    private List<Tried> Ranked(IEnumerable<Tried> tried) =>
        [.. tried.Where(one => one.Trial.Error is null).OrderBy(one => IsLowerBetter ? one.Trial.Metric : -one.Trial.Metric)];

    private async Task<Tried> TryAsync(int place, int number, object[] candidate, int epochs, bool isInRounds, CancellationToken cancellationToken)
    {
        var trial = With(options, axes, candidate, epochs);
        var record = OptionsRecord.Of(trial);
        var known = file.Find(record);
        var point = new PTuningSweepPoint { Candidate = number, Epochs = epochs, Options = record.ToJsonString() };
        var outcome = known ?? await MeasureAsync(trial, point, cancellationToken).ConfigureAwait(false);
        var values = axes.Zip(candidate).ToDictionary(pair => pair.First.Name, pair => pair.Second);
        if (isInRounds)
            values[nameof(options.MaxEpochs)] = trial.MaxEpochs;
        return new(place, number, outcome, new()
        {
            Number = _trials.Count + place + 1,
            Options = trial,
            Values = values,
            Metric = outcome.Metric,
            Time = outcome.Time,
            Error = outcome.Error,
            WasKnown = known is not null,
        });
    }

    // A learning rate that is too high, or a prefix that is too long for the encoder, is a result of the sweep.
    private async Task<TrialOutcome> MeasureAsync(TOptions trial, PTuningSweepPoint point, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            var metric = await measure(trial, point, cancellationToken).ConfigureAwait(false);
            return new(metric, Stopwatch.GetElapsedTime(start), double.IsFinite(metric) ? null : "The metric is not a finite number.");
        }
        catch (Exception failure) when (failure is InvalidOperationException or ArgumentException && !cancellationToken.IsCancellationRequested)
        {
            _failures[point.Candidate] = failure;
            return new(double.NaN, Stopwatch.GetElapsedTime(start), failure.Message);
        }
    }

    /// <param name="Place">Among the trials of the round.</param>
    /// <param name="Candidate">The candidate's number.</param>
    private sealed record Tried(int Place, int Candidate, TrialOutcome Outcome, PTuningSweepTrial<TOptions> Trial);
}

/// <summary>Trains with options and measures.</summary>
/// <param name="point">By what another process finds the same options.</param>
internal delegate Task<double> TrialMeasure<TOptions>(TOptions trial, PTuningSweepPoint point, CancellationToken cancellationToken);
