using System.Diagnostics;

namespace PaperTasks.Sweeps;

/// <summary>Runs the points of a plan that have no result yet, several side by side.</summary>
internal sealed class SweepRunner(SweepPlan plan, SweepResults results, Func<Point, CancellationToken, Task<PointResult>> run, int processes)
{
    private readonly List<(Point Point, long Start)> _running = [];
    private readonly List<double> _seconds = [];

    /// <summary>Is called when a point starts or ends, on one thread at a time; the result is that of the point that ended, if one has.</summary>
    public Action<SweepState, PointResult?> Changed { get; init; } = (_, _) => { };

    /// <summary>Where the sweep stands.</summary>
    public SweepState State { get; private set; } = new(0, 0, 0, [], null, null);

    /// <exception cref="OperationCanceledException">Cancelled. What is finished is in the results.</exception>
    public async Task Run(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var tasks = new List<Task<PointResult>>();
        try
        {
            Tell(null);
            while (true)
            {
                stop.Token.ThrowIfCancellationRequested();
                Start(tasks, stop.Token);
                if (tasks.Count == 0)
                    return;

                Task<PointResult> ended = await Task.WhenAny(tasks);
                tasks.Remove(ended);
                PointResult result = await ended;
                results.Add(result);
                (Point _, long start) = _running.Single(entry => entry.Point.Key == result.Point.Key);
                _running.RemoveAll(entry => entry.Point.Key == result.Point.Key);
                _seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
                Tell(result);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(tasks).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            foreach (Task<PointResult> ended in tasks.Where(task => task is { IsCompletedSuccessfully: true, Result.Error: null }))
                results.Add(await ended); // It was finished before it could be stopped.
        }
    }

    private void Start(List<Task<PointResult>> tasks, CancellationToken cancellationToken)
    {
        if (tasks.Count >= processes)
            return;

        foreach (Point point in plan.Points.Where(point => !results.HasEnded(point) && _running.All(entry => entry.Point.Key != point.Key))
            .Take(processes - tasks.Count).ToList())
        {
            _running.Add((point, Stopwatch.GetTimestamp()));
            tasks.Add(run(point, cancellationToken));
            Tell(null);
        }
    }

    private void Tell(PointResult? ended)
    {
        IReadOnlyList<Point> points = plan.Points;
        int open = plan.Open, total = points.Count + open, done = points.Count(results.HasEnded);
        double? each = _seconds.Count > 0 ? _seconds.Average() : null;
        TimeSpan? left = each is { } seconds ? TimeSpan.FromSeconds((total - done) * seconds / Math.Min(processes, Math.Max(1, total - done))) : null;
        State = new SweepState(done, total, results.Failed.Count(), [.. _running], each, left);
        Changed(State, ended);
    }
}

/// <summary>Where a sweep stands.</summary>
/// <param name="Done">Points with a result, the failed ones of this start among them.</param>
/// <param name="Total">Points in all, those that wait for a choice among them.</param>
/// <param name="Running">With the time stamps of their starts.</param>
/// <param name="SecondsEach">Mean time of a point; null before the first has ended.</param>
/// <param name="Left">Estimate of the time to come, as of the last change.</param>
internal sealed record SweepState(
    int Done, int Total, int Failed, IReadOnlyList<(Point Point, long Start)> Running, double? SecondsEach, TimeSpan? Left);
