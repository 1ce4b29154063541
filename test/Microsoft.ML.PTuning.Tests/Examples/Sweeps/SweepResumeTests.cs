using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Formats;

namespace Microsoft.ML.PTuning.Tests.Examples.Sweeps;

/// <summary>A sweep that is killed and started again ends as one that ran through.</summary>
[TestClass]
[OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)] // It has no groups of processes.
public sealed class SweepResumeTests
{
    /// <summary>What differs between two runs of a point: times, and the zip, whose summary has them.</summary>
    private static readonly string[] Times =
        ["seconds", "trainSeconds", "evaluateSeconds", "trainSamplesPerSecond", "evaluateSamplesPerSecond", "zipBytes"];

    private readonly TemporaryFolder _folder = new();

    [TestInitialize]
    public void Write_rows()
    {
        // Hard to learn, so that the accuracies differ.
        string[] rows = [.. Enumerable.Range(0, 24).Select(i => $"a film of {i * i % 11} hours and {i * i % 7} minutes\t{(i % 2 == 0 ? "good" : "bad")}")];
        File.WriteAllLines(Path.Combine(_folder.Path, "train.tsv"), rows);
        File.WriteAllLines(Path.Combine(_folder.Path, "dev.tsv"), rows.Take(7));
    }

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    [TestCategory("Slow")]
    public void A_sweep_of_24_points_killed_three_times_ends_as_one_that_ran_through() => AssertSameResults(
        """
        { "method": ["ptuning-v2", "linear-probe"], "learning-rate": [1e-3, 1e-2, 3e-2], "prefix-length": [2, 4], "seed": [1, 2] }
        """,
        points: 24, kills: 3);

    [TestMethod]
    public void A_sweep_killed_once_ends_as_one_that_ran_through() => AssertSameResults(
        """{ "method": ["bag-of-words", "majority"], "per-class": 9, "seed": [1, 2, 3] }""", points: 6, kills: 1);

    [TestMethod]
    public void The_points_of_a_sweep_that_is_killed_alone_end_with_it()
    {
        _folder.Write("s.json", """
            {
                "common": { "task": "tsv", "train": "train.tsv", "dev": "dev.tsv", "label-column": 1, "backbone": "mini-cased", "defaults": true },
                "grids": [{ "epochs": 100000 }]
            }
            """);
        using var sweep = new SweepProcess(_folder.Path, "s.json");
        Thread.Sleep(2000);             // Its point has begun.
        Assert.IsTrue(sweep.AnyRuns);

        sweep.KillAlone();

        Assert.IsTrue(SpinWait.SpinUntil(() => !sweep.AnyRuns, TimeSpan.FromSeconds(20)));
    }

    [TestMethod]
    public void Paths_count_from_the_folder_that_is_named()
    {
        string file = Path.Combine(_folder.Path, "s.json"), elsewhere = Directory.CreateDirectory(Path.Combine(_folder.Path, "elsewhere")).FullName;
        _folder.Write("s.json", """
            { "common": { "task": "tsv", "train": "train.tsv", "dev": "dev.tsv", "label-column": 1, "defaults": true }, "grids": [{ "method": "majority" }] }
            """);

        Assert.AreEqual(1, SweepProcess.Run(elsewhere, file).ExitCode);
        Assert.AreEqual(0, SweepProcess.Run(elsewhere, file, "--data", _folder.Path).ExitCode);
        Assert.AreEqual((1, true), Refused(SweepProcess.Run(elsewhere, file, "--data", "nosuch")));

        static (int, bool) Refused((int Code, string, string Errors) run) => (run.Code, run.Errors.Contains("given by --data does not exist"));
    }

    private void AssertSameResults(string grid, int points, int kills)
    {
        _folder.Write("s.json", $$"""
            {
                "common": { "task": "tsv", "train": "train.tsv", "dev": "dev.tsv", "label-column": 1, "backbone": "mini-cased", "defaults": true, "epochs": 2 },
                "grids": [{{grid}}]
            }
            """);
        string[] arguments = ["s.json", "--processes", "2", "--cores", "1", "--results"];
        var random = new Random(kills);

        for (int i = 1; i <= kills; i++)
            KillAtRandom(random, [.. arguments, "killed.jsonl"], least: i * points / (kills + 2));
        Assert.AreEqual(0, SweepProcess.Run(_folder.Path, [.. arguments, "killed.jsonl"]).ExitCode);
        Assert.AreEqual(0, SweepProcess.Run(_folder.Path, [.. arguments, "whole.jsonl"]).ExitCode);

        string[] killed = Results("killed.jsonl"), whole = Results("whole.jsonl");
        Assert.HasCount(points, whole);
        CollectionAssert.AreEqual(whole, killed);
    }

    /// <summary>Starts it, and kills it at a random moment after it has written so many lines in all.</summary>
    private void KillAtRandom(Random random, string[] arguments, int least)
    {
        using var sweep = new SweepProcess(_folder.Path, arguments);
        var file = new FileInfo(Path.Combine(_folder.Path, "killed.jsonl"));
        while (Lines(file) < least)
        {
            Assert.IsFalse(sweep.HasExited, "The sweep ended before it was killed.");
            Thread.Sleep(20);
        }
        Thread.Sleep(random.Next(300)); // Less than the points that are left take.
        Assert.IsFalse(sweep.HasExited, "The sweep ended before it was killed.");
        sweep.KillGroup();
    }

    private static int Lines(FileInfo file)
    {
        file.Refresh();
        return file.Exists ? File.ReadAllBytes(file.FullName).Count(value => value == '\n') : 0;
    }

    private string[] Results(string file)
    {
        IReadOnlyList<JsonObject> lines = JsonLinesFile.Read(Path.Combine(_folder.Path, file));
        foreach (string time in Times)
            foreach (JsonObject line in lines)
                line.Remove(time);
        return [.. lines.Select(line => line.ToJsonString()).Order(StringComparer.Ordinal)];
    }
}
