using Microsoft.ML.PTuning.Orleans;
using Microsoft.ML.PTuning.Orleans.Sweeps;
using Options = Microsoft.ML.PTuning.PTuningV2Trainer.MulticlassOptions;

namespace Microsoft.ML.PTuning.Tests.Orleans;

/// <summary>Sweeps that silos train, on a tiny encoder. The silos know each by the name of its search.</summary>
[TestClass]
public sealed class ClusterSweepsTests
{
    private static readonly MLContext s_mlContext = new(1);

    private static TinyEncoder s_encoder = null!;
    private static TestSilos s_silos = null!;

    private static IDataView Rows => Tickets.Keyed(s_mlContext, Tickets.Rows(40));

    [ClassInitialize]
    public static async Task StartSilos(TestContext _)
    {
        s_encoder = new TinyEncoder();
        s_silos = await StartAsync();
    }

    [ClassCleanup]
    public static async Task StopSilos()
    {
        await s_silos.DisposeAsync();
        s_encoder.Dispose();
    }

    [TestMethod]
    [DataRow(PTuningSweepSearch.Random)]
    [DataRow(PTuningSweepSearch.SuccessiveHalving)]
    public async Task A_sweep_that_silos_train_finds_what_one_process_finds(PTuningSweepSearch search)
    {
        using var folder = new Examples.TemporaryFolder();
        var alone = Sweep(search).Run(Rows);

        var sweep = Sweep(search);
        sweep.ResultsFile = Path.Combine(folder.Path, "trials.jsonl");
        var spread = await s_silos.Sweeps.RunAsync($"{search}", sweep);

        CollectionAssert.AreEqual(alone.Trials.Select(Describe).ToArray(), spread.Trials.Select(Describe).ToArray());
        Assert.AreEqual(alone.Best.Number, spread.Best.Number);
        Assert.HasCount(alone.Trials.Count, File.ReadAllLines(sweep.ResultsFile));
        Assert.IsTrue((await s_silos.Sweeps.RunAsync($"{search}", sweep)).Trials.All(trial => trial.WasKnown), "A sweep goes on from its results file.");
    }

    [TestMethod]
    [Timeout(60_000)]
    public async Task A_trial_of_a_silo_that_is_killed_is_trained_on_another_one()
    {
        using var begun = new SemaphoreSlim(0);
        var held = true;
        await using var silos = await StartAsync(() =>
        {
            begun.Release();
            while (Volatile.Read(ref held)) // The silo that is killed is busy with its trial.
                Thread.Sleep(10);
        });
        var running = silos.Sweeps.RunAsync("Random", Sweep(PTuningSweepSearch.Random));
        await begun.WaitAsync();
        await begun.WaitAsync();

        var first = FormattableString.Invariant($"Random/0/{s_encoder.Options().MaxEpochs}");
        var killing = silos.KillSiloOfAsync(silos.Client.GetGrain<ITrialGrain>(first));
        await Task.Delay(TimeSpan.FromSeconds(1)); // Its connections are closed by then. In this process, its work goes on until it is let go.
        Volatile.Write(ref held, false);
        await killing;

        CollectionAssert.AreEqual(
            Sweep(PTuningSweepSearch.Random).Run(Rows).Trials.Select(Describe).ToArray(), (await running).Trials.Select(Describe).ToArray());
    }

    [TestMethod]
    public async Task A_sweep_that_the_silos_do_not_have_is_refused()
    {
        var unknown = await Assert.ThrowsExactlyAsync<InvalidDataException>(() => s_silos.Sweeps.RunAsync("letters", Sweep(PTuningSweepSearch.Random)));
        StringAssert.Contains(unknown.Message, "AddPTuningSweep(\"letters\"");

        var other = Sweep(PTuningSweepSearch.Random);
        other.Seed = 5;
        var different = await Assert.ThrowsExactlyAsync<InvalidDataException>(() => s_silos.Sweeps.RunAsync("Random", other));
        StringAssert.Contains(different.Message, "another sweep");
    }

    /// <param name="beforeMetric">Runs on the silo before each measuring.</param>
    private static Task<TestSilos> StartAsync(Action? beforeMetric = null) => TestSilos.StartAsync(2, TestSilos.WithoutModels, silo =>
    {
        foreach (var search in Enum.GetValues<PTuningSweepSearch>())
            silo.AddPTuningSweep($"{search}", _ => new SweepRows<Options>(Sweep(search, beforeMetric), Rows));
    });

    private static PTuningSweep<Options> Sweep(PTuningSweepSearch search, Action? beforeMetric = null)
    {
        var options = s_encoder.Options();
        options.MaxEpochs = search == PTuningSweepSearch.SuccessiveHalving ? 3 : 1;
        var sweep = new PTuningSweep<Options>(s_mlContext, options, scored =>
        {
            beforeMetric?.Invoke();
            return s_mlContext.MulticlassClassification.Evaluate(scored).LogLoss;
        })
        {
            IsLowerBetter = true,
            Search = search,
            Trials = 6,
        };
        return sweep.VaryRange(o => o.LearningRate, 1e-3, 0.1, logarithmic: true).Vary(o => o.PrefixLength, 2, 3);
    }

    private static string Describe(PTuningSweepTrial<Options> trial) => $"{trial.Number}. {trial} {trial.Metric:R}";
}
