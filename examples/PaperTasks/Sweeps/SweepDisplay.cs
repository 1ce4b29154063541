using System.Diagnostics;
using Spectre.Console;

namespace PaperTasks.Sweeps;

/// <summary>Shows a sweep as a live table, or as a line per finished point where the output goes to a file or a pipe.</summary>
internal sealed class SweepDisplay(IReadOnlyList<string> variedOptions)
{
    private const int LatestShown = 6;
    private static readonly TimeSpan Refresh = TimeSpan.FromSeconds(1);

    private readonly Queue<PointResult> _latest = new();

    /// <summary>Runs the plan and shows how it goes.</summary>
    public async Task Show(
        SweepPlan plan, SweepResults results, Func<Point, CancellationToken, Task<PointResult>> run, int processes, CancellationToken cancellationToken)
    {
        if (Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive)
        {
            await new SweepRunner(plan, results, run, processes) { Changed = WriteLine }.Run(cancellationToken);
            return;
        }

        var runner = new SweepRunner(plan, results, run, processes) { Changed = (_, ended) => Keep(ended) };
        await AnsiConsole.Live(Table(runner.State)).StartAsync(async context =>
        {
            Task running = Task.Run(() => runner.Run(cancellationToken), CancellationToken.None);
            while (!running.IsCompleted)
            {
                context.UpdateTarget(Table(runner.State));
                await Task.WhenAny(running, Task.Delay(Refresh, CancellationToken.None));
            }
            context.UpdateTarget(Table(runner.State));
            await running;
        });
    }

    private static string Time(TimeSpan? time) => time is { } known ? $"{(int)known.TotalHours}:{known:mm\\:ss}" : "unknown time";

    private void WriteLine(SweepState state, PointResult? ended)
    {
        if (ended is not null)
            Console.WriteLine($"[{state.Done}/{state.Total}] {Describe(ended)}; {Time(state.Left)} left");
    }

    private void Keep(PointResult? ended)
    {
        if (ended is null)
            return;

        lock (_latest)
        {
            _latest.Enqueue(ended);
            if (_latest.Count > LatestShown)
                _latest.Dequeue();
        }
    }

    private Table Table(SweepState state)
    {
        string failed = state.Failed > 0 ? $", {state.Failed} failed" : "", each = state.SecondsEach is { } seconds ? $", {seconds:F1} s each" : "";
        Table table = new Table().Border(TableBorder.Rounded)
            .AddColumn($"{state.Done} of {state.Total} points{failed}{each}, {Time(state.Left)} left")
            .AddColumn(new TableColumn("result").RightAligned());
        lock (_latest)
        {
            foreach (PointResult result in _latest)
                table.AddRow(Markup.Escape(result.Point.Describe(variedOptions)), result.Error is null ? Score(result) : "[red]failed[/]");
        }

        foreach ((Point point, long start) in state.Running)
            table.AddRow($"[bold]{Markup.Escape(point.Describe(variedOptions))}[/]", $"running, {Stopwatch.GetElapsedTime(start).TotalSeconds:F0} s");
        return table;
    }

    private string Describe(PointResult result) => result.Error is { } error
        ? $"{result.Point.Describe(variedOptions)}: failed: {error}"
        : $"{result.Point.Describe(variedOptions)}: {Score(result)}, {result.Value("seconds"):F1} s";

    private static string Score(PointResult result) => $"{result.Metric} {result.Value(null):F4}";
}
