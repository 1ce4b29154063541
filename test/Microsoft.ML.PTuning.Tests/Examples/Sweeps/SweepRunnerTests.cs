using System.Globalization;
using System.Text.Json.Nodes;
using PaperTasks.Sweeps;

namespace Microsoft.ML.PTuning.Tests.Examples.Sweeps;

/// <summary>Which points run, in which order, and what is kept of them. The runs are made up.</summary>
[TestClass]
public sealed class SweepRunnerTests
{
    private readonly TemporaryFolder _folder = new();

    private readonly List<string> _ran = [];

    private string Results => Path.Combine(_folder.Path, "r.jsonl");

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    public async Task Equal_points_run_once()
    {
        await Run("""{ "grids": [{ "a": [1, 2] }, { "a": [2, 3] }, { "a": 1.0 }] }""", _ => 1);

        CollectionAssert.AreEqual((string[])["--a=1", "--a=2", "--a=3"], _ran);
        Assert.HasCount(3, File.ReadAllLines(Results));
    }

    [TestMethod]
    public async Task Finished_points_do_not_run_again_and_failed_ones_do()
    {
        const string Sweep = """{ "grids": [{ "a": [1, 2, 3] }] }""";
        SweepState first = await Run(Sweep, point => point["a"] == "2" ? null : 1);
        Assert.AreEqual((3, 3, 1), (first.Done, first.Total, first.Failed));
        _ran.Clear();

        SweepState second = await Run(Sweep, _ => 1);

        CollectionAssert.AreEqual((string[])["--a=2"], _ran);
        Assert.AreEqual((3, 0), (second.Done, second.Failed));
    }

    /// <summary>The mean over the choosing seeds decides: 0.8 and 0.9 for x = 1, 0.6 and 1 for x = 2, 0.9 and 0.1 for x = 3.</summary>
    [TestMethod]
    public async Task The_best_mean_on_held_out_rows_is_reported_with_all_seeds()
    {
        await Run(
            """{ "grids": [{ "x": [3, 2, 1], "seed": [5, 6, 7], "choose": { "by": "x", "holdout": 0.2, "seed": [1, 2] } }] }""",
            point => point["holdout"] is null ? 0 : (point["x"], point["seed"]) switch
            {
                ("1", "1") => 0.8, ("1", "2") => 0.9, ("2", "1") => 0.6, ("2", "2") => 1, ("3", "1") => 0.9, _ => 0.1,
            });

        CollectionAssert.AreEqual(
            (string[])["--holdout=0.2 --seed=1 --x=3", "--holdout=0.2 --seed=2 --x=3", "--holdout=0.2 --seed=1 --x=2", "--holdout=0.2 --seed=2 --x=2",
                "--holdout=0.2 --seed=1 --x=1", "--holdout=0.2 --seed=2 --x=1", "--seed=5 --x=1", "--seed=6 --x=1", "--seed=7 --x=1"],
            _ran);
    }

    [TestMethod]
    [DataRow("", "--m=p --x=1|--m=q --x=2")]
    [DataRow("\"per\": \"y\",", "--m=p --x=2 --y=0|--m=q --x=2 --y=0")]
    public async Task A_choice_is_made_for_each_combination_of_the_options_of_per(string per, string reported)
    {
        string y = per.Length > 0 ? "\"y\": 0," : "";
        await Run(
            $$"""{ "grids": [{ "m": ["p", "q"], {{y}} "x": [1, 2], "choose": { "by": ["x"], {{per}} "holdout": 0.5, "seed": 1 } }] }""",
            point => (point["m"], point["x"]) switch { ("p", "1") => 0.6, ("p", "2") => 0.5, ("q", "1") => 0.1, _ => 0.9 });

        Assert.AreEqual(reported, string.Join('|', _ran.Where(run => !run.Contains("holdout"))));
    }

    [TestMethod]
    public async Task Of_equal_values_the_first_is_chosen_and_a_failed_one_never()
    {
        await Run(
            """{ "grids": [{ "x": [1, 2, 3], "choose": { "by": "x", "holdout": 0.5 } }] }""", point => point["x"] == "1" ? null : 0.5);

        Assert.AreEqual("--x=2", _ran[^1]);
    }

    /// <summary>The best of 3 and 4 is 3, so 2 is tried, and as 2 is better, 1; it is not, so 0 is left out. Above, nothing is tried.</summary>
    [TestMethod]
    [DataRow("2 0.5 3 0.4 4 0.3 1 0.1", "3 4 2 1", "2")]
    [DataRow("3 0.4 4 0.5 5 0.5", "3 4 5", "4")]
    [DataRow("3 0.4 4 0.5 5 0.6 6 0.7", "3 4 5 6", "6")]
    [DataRow("3 0.4 4 0.3 2 0.4 1 0.4 0 0.3", "3 4 2 1 0", "1")]
    [DataRow("3 0.4 4 0.3", "3 4 2", "3")]
    [DataRow("4 0.3", "3 4 5", "4")]
    public async Task A_value_beyond_the_grid_is_tried_where_its_neighbour_is_the_best(string scores, string tried, string chosen)
    {
        string[] parts = scores.Split(' ');
        Dictionary<string, double> score = parts.Chunk(2).ToDictionary(pair => pair[0], pair => double.Parse(pair[1], CultureInfo.InvariantCulture));

        SweepState state = await Run(
            """{ "grids": [{ "x": [3, 4], "choose": { "by": "x", "beyond": [0, 1, 2, 5, 6], "holdout": 0.5 } }] }""",
            point => score.TryGetValue(point["x"]!, out double value) ? value : null);

        CollectionAssert.AreEqual((string[])[.. tried.Split(' ').Select(x => $"--holdout=0.5 --seed=1 --x={x}"), $"--x={chosen}"], _ran);
        Assert.AreEqual(state.Total, state.Done);
    }

    [TestMethod]
    public async Task Without_a_value_that_ran_nothing_is_reported()
    {
        SweepState state = await Run("""{ "grids": [{ "x": [1, 2], "seed": [1, 2], "choose": { "by": "x", "holdout": 0.5 } }] }""", _ => null);

        Assert.AreEqual((2, 4, 2), (state.Done, state.Total, state.Failed));
    }

    [TestMethod]
    public async Task No_more_points_run_side_by_side_than_processes()
    {
        int running = 0, most = 0;
        using SweepResults results = SweepResults.Open(Results);
        var plan = new SweepPlan(SweepFile.Parse("""{ "grids": [{ "a": [1, 2, 3, 4, 5, 6, 7] }] }""", "s").Grids, results);

        await new SweepRunner(plan, results, async (point, _) =>
        {
            most = Math.Max(most, Interlocked.Increment(ref running));
            await Task.Delay(10, CancellationToken.None);
            Interlocked.Decrement(ref running);
            return Measured(point, 1);
        }, processes: 3).Run(CancellationToken.None);

        Assert.AreEqual(3, most);
        Assert.HasCount(7, File.ReadAllLines(Results));
    }

    [TestMethod]
    public async Task Cancelling_ends_running_points_and_keeps_finished_ones()
    {
        using var source = new CancellationTokenSource();
        using SweepResults results = SweepResults.Open(Results);
        var plan = new SweepPlan(SweepFile.Parse("""{ "grids": [{ "a": [1, 2, 3, 4] }] }""", "s").Grids, results);
        int running = 0, ended = 0;

        await Assert.ThrowsAsync<OperationCanceledException>(() => new SweepRunner(plan, results, async (point, token) =>
        {
            if (point["a"] == "1")
                return Measured(point, 1);
            if (Interlocked.Increment(ref running) == 2)                            // The two that run; the fourth point waits.
                await source.CancelAsync();
            try
            {
                await Task.Delay(Timeout.Infinite, token);
            }
            finally
            {
                Interlocked.Increment(ref ended);
            }
            return Measured(point, 1);
        }, processes: 2).Run(source.Token));

        Assert.AreEqual((2, 2), (running, ended));
        Assert.HasCount(1, File.ReadAllLines(Results));
    }

    [TestMethod]
    public async Task A_point_that_ends_while_the_sweep_is_cancelled_is_kept()
    {
        using var source = new CancellationTokenSource();
        using SweepResults results = SweepResults.Open(Results);
        var plan = new SweepPlan(SweepFile.Parse("""{ "grids": [{ "a": [1, 2] }] }""", "s").Grids, results);

        await Assert.ThrowsAsync<OperationCanceledException>(() => new SweepRunner(plan, results, async (point, token) =>
        {
            if (point["a"] == "1")
            {
                await source.CancelAsync();
                token.ThrowIfCancellationRequested();
            }
            await Task.Delay(50, CancellationToken.None);
            return Measured(point, 1);
        }, processes: 2).Run(source.Token));

        Assert.AreEqual("""{"options":{"a":2},"metric":"m","metrics":{"m":1}}""", File.ReadAllLines(Results).Single());
    }

    /// <summary>A choice that a sweep made without a value that failed is the report's, too.</summary>
    [TestMethod]
    public async Task A_report_counts_a_failed_value_as_tried()
    {
        const string Sweep = """{ "grids": [{ "x": [1, 2], "seed": [1, 2], "choose": { "by": "x", "holdout": 0.5 } }] }""";
        await Run(Sweep, point => point["x"] == "1" ? null : 0.5);

        using SweepResults results = SweepResults.Read(Results);
        var plan = new SweepPlan(SweepFile.Parse(Sweep, "s").Grids, results);

        Assert.AreEqual(0, plan.Open);
        CollectionAssert.AreEqual((string[])["--seed=1 --x=2", "--seed=2 --x=2"], plan.Reported.Select(point => string.Join(' ', point.Arguments)).ToArray());
    }

    private static PointResult Measured(Point point, double value) =>
        new(point, new JsonObject { ["metric"] = "m", ["metrics"] = new JsonObject { ["m"] = value } });

    /// <param name="score">Null for a run that fails.</param>
    private async Task<SweepState> Run(string sweep, Func<Point, double?> score)
    {
        using SweepResults results = SweepResults.Open(Results);
        var plan = new SweepPlan(SweepFile.Parse(sweep, "s").Grids, results);
        var runner = new SweepRunner(plan, results, (point, _) =>
        {
            _ran.Add(string.Join(' ', point.Arguments));
            return Task.FromResult(score(point) is { } value ? Measured(point, value) : PointResult.Failed(point, "It failed."));
        }, processes: 1);
        await runner.Run(CancellationToken.None);
        return runner.State;
    }
}
