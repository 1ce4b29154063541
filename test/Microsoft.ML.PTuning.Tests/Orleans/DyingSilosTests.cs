using Microsoft.ML.PTuning.Orleans;
using Microsoft.ML.PTuning.Orleans.BulkScoring;

namespace Microsoft.ML.PTuning.Tests.Orleans;

/// <summary>Jobs whose silos do not live to see the end.</summary>
[TestClass]
public sealed class DyingSilosTests
{
    private const int Rows = 4000;

    private static ScoredTickets s_tickets = null!;
    private static string s_input = null!;
    private static byte[] s_undisturbed = null!;

    /// <summary>The job without a death.</summary>
    [ClassInitialize]
    public static async Task RunUndisturbed(TestContext _)
    {
        s_tickets = new ScoredTickets();
        s_input = s_tickets.Write("rows.csv", Rows);
        await using var silos = await TestSilos.StartAsync(1, s_tickets.Configure);
        var job = s_tickets.Job(s_input, "undisturbed", rowsPerRange: 10);
        await silos.Scoring.WaitAsync(await silos.Scoring.StartAsync(job));
        s_undisturbed = File.ReadAllBytes(job.MergedFile!);
        s_tickets.AssertScored(job.MergedFile!, Rows);
    }

    [ClassCleanup]
    public static void Free() => s_tickets.Dispose();

    [TestMethod]
    [Timeout(60_000)]
    public async Task A_job_whose_silo_is_killed_goes_on_on_another_one_and_writes_the_same_bytes()
    {
        await using var silos = await TestSilos.StartAsync(3, s_tickets.Configure);
        var job = s_tickets.Job(s_input, "killed", rowsPerRange: 10);
        var id = await silos.Scoring.StartAsync(job);
        var killed = await UntilSomeAreDoneAsync(silos, id);

        await silos.KillSiloOfAsync(silos.Client.GetGrain<IScoringJobGrain>(id));

        var done = await silos.Scoring.WaitAsync(id);
        Assert.IsLessThan(killed.Ranges, killed.RangesDone, "The job was done before the silo died.");
        Assert.AreEqual((Rows, 0), (done.RowsDone, done.BrokenRows));
        CollectionAssert.AreEqual(s_undisturbed, File.ReadAllBytes(job.MergedFile!));
    }

    /// <summary>All silos stop. Others on the same folder go on when the reminder comes; nobody else asks them.</summary>
    [TestMethod]
    [Timeout(60_000)]
    public async Task A_job_goes_on_on_other_silos_by_its_reminder()
    {
        var job = s_tickets.Job(s_input, "stopped", rowsPerRange: 10) with { Id = "stopped" };
        await using (var silos = await TestSilos.StartAsync(2, s_tickets.Configure))
        {
            await silos.Scoring.StartAsync(job);
            await UntilSomeAreDoneAsync(silos, "stopped");
        }
        Assert.IsFalse(File.Exists(job.MergedFile), "The job was done before the silos stopped.");

        await using var others = await TestSilos.StartAsync(2, s_tickets.Configure);
        await others.Client.GetGrain<IScoringJobGrain>("stopped").AsReference<IRemindable>().ReceiveReminder("job", default);

        while (!File.Exists(job.MergedFile))
            await Task.Delay(50);
        CollectionAssert.AreEqual(s_undisturbed, File.ReadAllBytes(job.MergedFile!));
    }

    private static async Task<ScoringProgress> UntilSomeAreDoneAsync(TestSilos silos, string id)
    {
        ScoringProgress progress;
        while ((progress = await silos.Scoring.GetProgressAsync(id)).RangesDone < 5)
            await Task.Delay(10);
        return progress;
    }
}
