using System.Text.Json;
using Microsoft.ML.PTuning.Orleans;
using Microsoft.ML.PTuning.Orleans.BulkScoring;

namespace Microsoft.ML.PTuning.Tests.Orleans;

/// <summary>Jobs of two silos that live.</summary>
[TestClass]
public sealed class BulkScoringTests
{
    private static ScoredTickets s_tickets = null!;
    private static TestSilos s_silos = null!;

    [ClassInitialize]
    public static async Task StartSilos(TestContext _)
    {
        s_tickets = new ScoredTickets();
        s_silos = await TestSilos.StartAsync(2, s_tickets.Configure);
    }

    [ClassCleanup]
    public static async Task StopSilos()
    {
        await s_silos.DisposeAsync();
        s_tickets.Dispose();
    }

    [TestMethod]
    [DataRow("csv")]
    [DataRow("jsonl")]
    [DataRow("parquet")]
    public async Task Every_row_is_written_once_with_the_scores_of_Transform(string format)
    {
        var job = s_tickets.Job(s_tickets.Write($"all.{format}", 330), $"all-{format}");

        var done = await RunAsync(job);

        Assert.AreEqual((330, 330, 0, ScoringState.Completed), (done.Rows, done.RowsDone, done.BrokenRows, done.State));
        Assert.AreEqual(done.Ranges, done.RangesDone);
        s_tickets.AssertScored(job.MergedFile!, 330);
        Assert.IsEmpty(Directory.GetFileSystemEntries(job.OutputDirectory), "What is merged is deleted.");
    }

    [TestMethod]
    public async Task Partitions_are_read_in_the_order_of_their_names_and_parts_stay_if_nothing_is_merged()
    {
        s_tickets.Write("folder/b.csv", 30, first: 70);
        s_tickets.Write("folder/a.csv", 70);
        var job = s_tickets.Job(s_tickets.PathOf("folder"), "parts") with { MergedFile = null, OutputFormat = "jsonl" };

        var done = await RunAsync(job);

        var parts = Directory.GetFiles(job.OutputDirectory).Order(StringComparer.Ordinal).ToArray();
        CollectionAssert.AreEqual((string[])["part-00000.jsonl", "part-00001.jsonl", "part-00002.jsonl"], parts.Select(Path.GetFileName).ToArray());
        File.WriteAllLines(s_tickets.PathOf("parts.jsonl"), parts.SelectMany(File.ReadLines));
        s_tickets.AssertScored(s_tickets.PathOf("parts.jsonl"), 100);
        Assert.AreEqual((3, 100), (done.Ranges, done.Rows));
    }

    [TestMethod]
    public async Task Broken_rows_are_reported_with_their_lines_and_left_out()
    {
        var input = s_tickets.Write("broken.jsonl", 60);
        var lines = File.ReadAllLines(input);
        File.WriteAllLines(input, [.. lines[..20], "{\"Number\": 20,", .. lines[20..55], "[]", .. lines[55..]]);
        var job = s_tickets.Job(input, "broken", rowsPerRange: 8);

        var done = await RunAsync(job);

        Assert.AreEqual((62, 2), (done.Rows, done.BrokenRows));
        var told = File.ReadLines(done.BrokenRowsFile!).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        CollectionAssert.AreEqual((int[])[21, 57], told.Select(row => row.GetProperty("line").GetInt32()).ToArray());
        Assert.IsTrue(told.All(row => row.GetProperty("file").GetString() == input));
        StringAssert.Contains(told[1].GetProperty("reason").GetString(), "a list");
        s_tickets.AssertScored(job.MergedFile!, 60);
    }

    [TestMethod]
    public async Task A_broken_row_ends_a_job_that_is_to_stop_and_the_mended_job_goes_on()
    {
        var input = s_tickets.Write("strict.csv", 60);
        var (whole, time) = (File.ReadAllText(input), File.GetLastWriteTimeUtc(input));
        var line = File.ReadAllLines(input)[41];
        File.WriteAllText(input, whole.Replace(line, line.Replace(',', ';'), StringComparison.Ordinal)); // One field instead of two, of the same length.
        File.SetLastWriteTimeUtc(input, time);
        var job = s_tickets.Job(input, "strict", rowsPerRange: 10) with { StopsAtBrokenRow = true };

        var id = await s_silos.Scoring.StartAsync(job);
        var failure = await Assert.ThrowsExactlyAsync<InvalidOperationException>(() => s_silos.Scoring.WaitAsync(id));
        StringAssert.Contains(failure.Message, "line 42");
        StringAssert.Contains(failure.Message, "StopsAtBrokenRow");
        Assert.AreEqual(ScoringState.Failed, (await s_silos.Scoring.GetProgressAsync(id)).State);

        File.WriteAllText(input, whole);
        File.SetLastWriteTimeUtc(input, time);
        await s_silos.Scoring.ResumeAsync(id);
        await s_silos.Scoring.WaitAsync(id);
        s_tickets.AssertScored(job.MergedFile!, 60);
    }

    [TestMethod]
    public async Task A_missing_model_is_refused_before_anything_is_written()
    {
        var job = s_tickets.Job(s_tickets.Write("missing.csv", 5), "missing") with { Model = "other" };

        var refusal = await Assert.ThrowsExactlyAsync<InvalidOperationException>(() => s_silos.Scoring.StartAsync(job));

        StringAssert.Contains(refusal.Message, "no model 'other'");
        StringAssert.Contains(refusal.Message, "'queue'");
        Assert.IsFalse(Directory.Exists(job.OutputDirectory));
    }

    [TestMethod]
    [DataRow("name", "../queue")]
    [DataRow("column", "'Text'")]
    [DataRow("file", "no file")]
    [DataRow("format", "'xml'")]
    [DataRow("output", "not empty")]
    public async Task Jobs_that_cannot_be_done_are_refused(string what, string expected)
    {
        var input = s_tickets.Write($"refused-{what}.csv", 5);
        var job = s_tickets.Job(input, $"refused-{what}");
        job = what switch
        {
            "name" => job with { Model = "../queue" },
            "file" => job with { Inputs = [input, $"{input}.csv"] },
            "format" => job with { OutputFormat = "xml" },
            "output" => job with { OutputDirectory = s_tickets.PathOf("models") },
            _ => job,
        };
        if (what == "column")
            File.WriteAllText(input, "Number,Words\n1,late\n");

        var refusal = await Assert.ThrowsExactlyAsync<InvalidOperationException>(() => s_silos.Scoring.StartAsync(job));

        StringAssert.Contains(refusal.Message, expected);
    }

    [TestMethod]
    public async Task Paths_and_names_are_checked()
    {
        var job = s_tickets.Job(s_tickets.PathOf("a.csv"), "checked");
        await Assert.ThrowsExactlyAsync<ArgumentException>(() => s_silos.Scoring.StartAsync(job with { Inputs = ["a.csv"] }));
        await Assert.ThrowsExactlyAsync<ArgumentException>(() => s_silos.Scoring.StartAsync(job with { Inputs = [] }));
        await Assert.ThrowsExactlyAsync<ArgumentException>(() => s_silos.Scoring.StartAsync(job with { Id = "../a" }));
        await Assert.ThrowsExactlyAsync<ArgumentOutOfRangeException>(() => s_silos.Scoring.StartAsync(job with { RowsPerRange = 0 }));
        await Assert.ThrowsExactlyAsync<KeyNotFoundException>(() => s_silos.Scoring.GetProgressAsync("nobody"));
    }

    [TestMethod]
    public async Task A_job_is_started_once_under_its_name()
    {
        var job = s_tickets.Job(s_tickets.Write("once.csv", 20), "once") with { Id = "once" };
        await RunAsync(job);
        File.Delete(job.MergedFile!);

        Assert.AreEqual("once", await s_silos.Scoring.StartAsync(job));

        Assert.AreEqual(ScoringState.Completed, (await s_silos.Scoring.GetProgressAsync("once")).State);
        Assert.IsFalse(File.Exists(job.MergedFile));
        await Assert.ThrowsExactlyAsync<InvalidOperationException>(() => s_silos.Scoring.StartAsync(job with { RowsPerRange = 3 }));
    }

    [TestMethod]
    public async Task A_cancelled_job_keeps_its_parts_and_does_not_go_on()
    {
        var job = s_tickets.Job(s_tickets.Write("cancelled.csv", 2000), "cancelled", rowsPerRange: 10);
        var id = await s_silos.Scoring.StartAsync(job);
        await UntilSomeAreDoneAsync(id);

        await s_silos.Scoring.CancelAsync(id);

        await Assert.ThrowsExactlyAsync<InvalidOperationException>(() => s_silos.Scoring.WaitAsync(id));
        await Assert.ThrowsExactlyAsync<InvalidOperationException>(() => s_silos.Scoring.ResumeAsync(id));
        Assert.IsNotEmpty(Directory.GetFiles(job.OutputDirectory, "part-*.csv"));
        Assert.IsFalse(File.Exists(job.MergedFile));
    }

    /// <summary>Pausing, a model that was replaced meanwhile, and the old one again.</summary>
    [TestMethod]
    public async Task A_paused_job_goes_on_with_the_model_it_began_with_or_not_at_all()
    {
        var job = s_tickets.Job(s_tickets.Write("paused.csv", 2000), "paused", rowsPerRange: 10) with { Model = "paused" };
        var model = s_tickets.PathOf("models/paused.zip");
        File.Copy(s_tickets.PathOf("models/queue.zip"), model);
        var id = await s_silos.Scoring.StartAsync(job);
        await UntilSomeAreDoneAsync(id);
        await s_silos.Scoring.PauseAsync(id);
        var paused = await s_silos.Scoring.GetProgressAsync(id);
        Assert.AreEqual(ScoringState.Paused, paused.State);
        Assert.IsLessThan(paused.Ranges, paused.RangesDone);

        var old = File.ReadAllBytes(model);
        s_tickets.SaveModel(seed: 2, "paused");
        await s_silos.Scoring.ResumeAsync(id);
        var failure = await Assert.ThrowsExactlyAsync<InvalidOperationException>(() => s_silos.Scoring.WaitAsync(id));
        StringAssert.Contains(failure.Message, "model 'paused' has changed");

        File.WriteAllBytes(model, old);
        await s_silos.Scoring.ResumeAsync(id);
        await s_silos.Scoring.WaitAsync(id);
        s_tickets.AssertScored(job.MergedFile!, 2000);
    }

    [TestMethod]
    public async Task A_range_that_is_written_is_not_scored_again()
    {
        var job = s_tickets.Job(s_tickets.Write("written.csv", 20), "written", rowsPerRange: 10);
        var folder = new JobFolder(s_tickets.Options.JobsDirectory!, "written");
        using var models = s_tickets.SiloModels();
        Directory.CreateDirectory(job.OutputDirectory);
        var plan = JobPlanner.Plan(job, models, default);
        folder.Write(new JobRecord(job, ScoringState.Running));
        folder.Write(plan);
        File.WriteAllText(JobFolder.PartFile(job.OutputDirectory, 0, "csv"), "left alone\n");

        await s_silos.Scoring.WaitAsync("written"); // Asking for it is enough: it was begun.

        Assert.AreEqual("left alone", File.ReadLines(job.MergedFile!).First());
        Assert.HasCount(11, File.ReadAllLines(job.MergedFile!));
    }

    private static async Task<ScoringProgress> RunAsync(ScoringJob job) => await s_silos.Scoring.WaitAsync(await s_silos.Scoring.StartAsync(job));

    private static async Task UntilSomeAreDoneAsync(string id)
    {
        while (await s_silos.Scoring.GetProgressAsync(id) is { RangesDone: 0, State: ScoringState.Planning or ScoringState.Running })
            await Task.Delay(10);
    }
}
