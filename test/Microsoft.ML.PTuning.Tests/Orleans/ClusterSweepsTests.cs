using Microsoft.ML.PTuning.Orleans;
using Microsoft.ML.PTuning.Orleans.Sweeps;
using Options = Microsoft.ML.PTuning.PTuningV2Trainer.MulticlassOptions;

namespace Microsoft.ML.PTuning.Tests.Orleans;

/// <summary>Sweeps that silos train, on a tiny encoder.</summary>
[TestClass]
public sealed class ClusterSweepsTests
{
    private readonly TinyEncoder _encoder = new();
    private readonly MLContext _mlContext = new(1);
    private readonly Examples.TemporaryFolder _folder = new();

    private IDataView Rows => Tickets.Keyed(_mlContext, Tickets.Rows(40));

    [TestCleanup]
    public void Free()
    {
        _encoder.Dispose();
        _folder.Dispose();
    }

    [TestMethod]
    [DataRow(PTuningSweepSearch.Random)]
    [DataRow(PTuningSweepSearch.SuccessiveHalving)]
    public async Task A_sweep_that_silos_train_finds_what_one_process_finds(PTuningSweepSearch search)
    {
        var alone = Sweep(search).Run(Rows);
        await using var silos = await StartAsync(search);

        var sweep = Sweep(search);
        sweep.ResultsFile = Path.Combine(_folder.Path, "trials.jsonl");
        var spread = await silos.Sweeps.RunAsync("tickets", sweep);

        CollectionAssert.AreEqual(alone.Trials.Select(Describe).ToArray(), spread.Trials.Select(Describe).ToArray());
        Assert.AreEqual(alone.Best.Number, spread.Best.Number);
        Assert.HasCount(alone.Trials.Count, File.ReadAllLines(sweep.ResultsFile));
        Assert.IsTrue((await silos.Sweeps.RunAsync("tickets", sweep)).Trials.All(trial => trial.WasKnown), "A sweep goes on from its results file.");
    }

    [TestMethod]
    [Timeout(60_000)]
    public async Task A_trial_of_a_silo_that_is_killed_is_trained_on_another_one()
    {
        using var begun = new SemaphoreSlim(0);
        var held = true;
        await using var silos = await StartAsync(PTuningSweepSearch.Random, () =>
        {
            begun.Release();
            while (Volatile.Read(ref held)) // The silo that is killed is busy with its trial.
                Thread.Sleep(10);
        });
        var running = silos.Sweeps.RunAsync("tickets", Sweep(PTuningSweepSearch.Random));
        await begun.WaitAsync();
        await begun.WaitAsync();

        var first = FormattableString.Invariant($"tickets/0/{_encoder.Options().MaxEpochs}");
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
        await using var silos = await StartAsync(PTuningSweepSearch.Random);

        var unknown = await Assert.ThrowsExactlyAsync<InvalidDataException>(() => silos.Sweeps.RunAsync("letters", Sweep(PTuningSweepSearch.Random)));
        StringAssert.Contains(unknown.Message, "AddPTuningSweep(\"letters\"");

        var other = Sweep(PTuningSweepSearch.Random);
        other.Seed = 5;
        var different = await Assert.ThrowsExactlyAsync<InvalidDataException>(() => silos.Sweeps.RunAsync("tickets", other));
        StringAssert.Contains(different.Message, "another sweep");
    }

    /// <param name="beforeTrial">Runs on the silo before each measuring.</param>
    private Task<TestSilos> StartAsync(PTuningSweepSearch search, Action? beforeTrial = null) => TestSilos.StartAsync(
        2,
        new PTuningSiloOptions { ModelsDirectory = _folder.Path },
        silo => silo.AddPTuningSweep("tickets", _ => new SweepRows<Options>(Sweep(search, beforeTrial), Rows)));

    private PTuningSweep<Options> Sweep(PTuningSweepSearch search, Action? beforeMetric = null)
    {
        var options = _encoder.Options();
        options.MaxEpochs = search == PTuningSweepSearch.SuccessiveHalving ? 3 : 1;
        var sweep = new PTuningSweep<Options>(_mlContext, options, scored =>
        {
            beforeMetric?.Invoke();
            return _mlContext.MulticlassClassification.Evaluate(scored).LogLoss;
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
