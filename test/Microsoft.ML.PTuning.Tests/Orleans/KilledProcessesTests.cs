using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.PTuning.Orleans;

namespace Microsoft.ML.PTuning.Tests.Orleans;

/// <summary>Silos as processes on loopback, with PostgreSQL as their store where it is installed.</summary>
[TestClass]
public sealed class KilledProcessesTests
{
    private const int Silos = 4, Kills = 10;

    /// <summary>PTUNING_BULK_ROWS sets another number of rows.</summary>
    private static readonly int s_rows = int.Parse(Environment.GetEnvironmentVariable("PTUNING_BULK_ROWS") ?? "200000", CultureInfo.InvariantCulture);

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    [TestCategory("Slow")]
    public async Task Ten_kills_at_random_change_no_byte()
    {
        using var tickets = new ScoredTickets(SharedFiles.Require("backbones/mini-cased"));
        var input = tickets.Write("rows.csv", s_rows);
        var clock = Stopwatch.StartNew();
        var undisturbed = await RunUndisturbedAsync(tickets, input);
        TestContext.WriteLine($"{s_rows} rows by one silo without kills: {clock.Elapsed}");

        clock.Restart();
        var job = Job(tickets, input, "killed");
        using var postgres = PostgresServer.TryStart();
        TestContext.WriteLine(postgres is null ? "Clustering by localhost." : "Clustering by PostgreSQL.");
        RunAndKill(tickets, job, postgres?.Connection);
        TestContext.WriteLine($"The same by {Silos} silos with {Kills} kills: {clock.Elapsed}");

        Assert.IsTrue(File.ReadAllBytes(undisturbed).AsSpan().SequenceEqual(File.ReadAllBytes(job.MergedFile!)), "The kills have changed bytes.");
        tickets.AssertScored(job.MergedFile!, s_rows);
    }

    /// <summary>And tells how many rows per second silos score that compute on one core each.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void The_number_of_silos_changes_no_byte()
    {
        using var tickets = new ScoredTickets(SharedFiles.Require("backbones/mini-cased"));
        var input = tickets.Write("rows.csv", s_rows / 5);
        byte[]? first = null;
        foreach (var count in (int[])[1, 2, 4])
        {
            var job = Job(tickets, input, $"silos-{count}");
            TestContext.WriteLine($"{count} silos: {RunOnOneCoreEach(tickets, job, count):F0} rows/s");
            var merged = File.ReadAllBytes(job.MergedFile!);
            Assert.IsTrue((first ??= merged).AsSpan().SequenceEqual(merged), $"{count} silos give other bytes than one.");
        }
    }

    /// <returns>Rows per second, from the time when all silos score.</returns>
    private static double RunOnOneCoreEach(ScoredTickets tickets, ScoringJob job, int count)
    {
        List<SiloProcess> silos = [];
        try
        {
            for (var i = 0; i < count; i++)
                silos.Add(new SiloProcess(tickets.PathOf(""), postgres: null, silos.FirstOrDefault()?.Port, tickets.Options, job, scoringCores: 1));
            var ranges = (s_rows / 5 + job.RowsPerRange - 1) / job.RowsPerRange;
            var limit = Stopwatch.StartNew();
            while (CountParts(job) < ranges / 4)
                Wait();
            var (begun, clock) = (CountParts(job), Stopwatch.StartNew());
            int now;
            while ((now = CountParts(job)) < ranges * 9 / 10 && !File.Exists(job.MergedFile))
                Wait();
            var rate = (now - begun) * job.RowsPerRange / clock.Elapsed.TotalSeconds;
            while (!File.Exists(job.MergedFile))
                Wait();
            return rate;

            void Wait()
            {
                Assert.IsLessThan(TimeSpan.FromMinutes(15), limit.Elapsed, $"The job was not done in time; logs in {tickets.PathOf("")}.");
                Thread.Sleep(20);
            }
        }
        finally
        {
            silos.ForEach(silo => silo.Dispose());
        }
    }

    private static ScoringJob Job(ScoredTickets tickets, string input, string name) =>
        tickets.Job(input, name, rowsPerRange: Math.Clamp(s_rows / 100, 50, 1000)) with { Id = name };

    private static async Task<string> RunUndisturbedAsync(ScoredTickets tickets, string input)
    {
        await using var silos = await TestSilos.StartAsync(1, tickets.Configure);
        var job = Job(tickets, input, "undisturbed");
        await silos.Scoring.WaitAsync(await silos.Scoring.StartAsync(job));
        return job.MergedFile!;
    }

    // Each kill comes when so many ranges are done; another silo takes the place of the killed one.
    private void RunAndKill(ScoredTickets tickets, ScoringJob job, string? postgres)
    {
        var random = new Random(1);
        var ranges = (s_rows + job.RowsPerRange - 1) / job.RowsPerRange;
        var moments = new Queue<int>(Enumerable.Range(0, Kills).Select(_ => random.Next(1, ranges * 9 / 10)).Order());
        List<SiloProcess> silos = [];
        var deaths = 0;
        try
        {
            for (var limit = Stopwatch.StartNew(); !File.Exists(job.MergedFile); Thread.Sleep(50))
            {
                Assert.IsLessThan(TimeSpan.FromMinutes(30), limit.Elapsed, $"The job was not done in time; {silos.Count} silos, logs in {tickets.PathOf("")}.");
                deaths += RemoveDead(silos);
                while (silos.Count < Silos)
                    silos.Add(new SiloProcess(tickets.PathOf(""), postgres, silos.FirstOrDefault()?.Port, tickets.Options, job));
                if (moments.TryPeek(out var moment) && CountParts(job) >= moment)
                {
                    moments.Dequeue();
                    silos[random.Next(postgres is null ? 1 : 0, silos.Count)].Kill(); // The first one keeps the members where no database does.
                }
            }
        }
        finally
        {
            silos.ForEach(silo => silo.Dispose());
        }

        TestContext.WriteLine($"{deaths} silos died.");
        Assert.IsEmpty(moments, "The job was done before all kills.");
    }

    private static int RemoveDead(List<SiloProcess> silos)
    {
        var dead = silos.Where(silo => silo.HasExited).ToList();
        dead.ForEach(silo => silo.Dispose());
        silos.RemoveAll(dead.Contains);
        return dead.Count;
    }

    private static int CountParts(ScoringJob job) => Directory.Exists(job.OutputDirectory) ? Directory.GetFiles(job.OutputDirectory, "part-*.csv").Length : 0;
}
