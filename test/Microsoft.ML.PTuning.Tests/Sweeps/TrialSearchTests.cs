using Microsoft.ML.PTuning.Sweeps;
using Microsoft.ML.PTuning.Tests.Examples;
using Options = Microsoft.ML.PTuning.PTuningV2Trainer.MulticlassOptions;

namespace Microsoft.ML.PTuning.Tests.Sweeps;

/// <summary>The search with a made-up metric: nothing is trained.</summary>
[TestClass]
public sealed class TrialSearchTests
{
    private static readonly SearchAxis[] Axes = [new ValuesAxis(typeof(Options).GetProperty("PrefixLength")!, [])];

    private readonly TemporaryFolder _folder = new();

    private readonly List<(int Length, int Epochs)> _ran = [];

    [TestCleanup]
    public void DeleteFolder() => _folder.Dispose();

    [TestMethod]
    [DataRow(false, 30)]
    [DataRow(true, 50)]
    public void The_best_trial_is_found(bool isLowerBetter, int best)
    {
        var result = Search([10, 30, 50, 20], trial => -Math.Abs(trial.PrefixLength - 28), isLowerBetter);

        Assert.AreEqual(best, result.Best.Options.PrefixLength);
        Assert.AreEqual(best, result.Best.Values["PrefixLength"]);
        CollectionAssert.AreEqual((int[])[1, 2, 3, 4], result.Trials.Select(trial => trial.Number).ToArray());
    }

    [TestMethod]
    public void Of_equal_trials_the_first_is_best() => Assert.AreEqual(7, Search([7, 8, 9], _ => 1).Best.Options.PrefixLength);

    [TestMethod]
    [DataRow(27, 9, "27 × 1, 9 × 3, 3 × 9")]
    [DataRow(27, 100, "27 × 3, 9 × 11, 3 × 33, 1 × 100")]
    [DataRow(16, 9, "16 × 1, 5 × 3, 1 × 9")]
    [DataRow(5, 2, "5 × 2")]
    [DataRow(1, 9, "1 × 9")]
    public void Rounds_divide_candidates_and_multiply_epochs(int candidates, int epochs, string rounds) => Assert.AreEqual(
        rounds, string.Join(", ", HalvingRound.Plan(candidates, epochs, factor: 3).Select(round => $"{round.Candidates} × {round.Epochs}")));

    /// <summary>The longer, the better: of 1 to 9 the best 3 get 3 epochs, and the best of them 9.</summary>
    [TestMethod]
    public void Each_round_keeps_the_best()
    {
        int[] lengths = [5, 9, 1, 8, 2, 7, 3, 6, 4];

        var result = Search(lengths, trial => trial.PrefixLength, rounds: HalvingRound.Plan(9, 9, 3));

        CollectionAssert.AreEqual(((int, int)[])[.. lengths.Select(length => (length, 1)), (9, 3), (8, 3), (7, 3), (9, 9)], _ran);
        Assert.AreEqual((9, 9), (result.Best.Options.PrefixLength, result.Best.Options.MaxEpochs));
        Assert.AreEqual(9, result.Best.Values["MaxEpochs"]);
    }

    [TestMethod]
    public void A_good_trial_of_an_early_round_is_not_best()
    {
        // With an epoch all look better than with three.
        var result = Search([1, 2, 3], trial => trial.MaxEpochs == 1 ? 100 + trial.PrefixLength : 0, rounds: HalvingRound.Plan(3, 3, 3));

        Assert.AreEqual((3, 3, 0.0), (result.Best.Options.PrefixLength, result.Best.Options.MaxEpochs, result.Best.Metric));
    }

    [TestMethod]
    public void Methods_are_trials_each_with_its_learning_rate_and_are_found_again()
    {
        SearchAxis[] axes = [new ValuesAxis(typeof(Options).GetProperty("Method")!, [])];
        object?[][] candidates = [[null], [new BitFit()], [new FineTuning()]];

        double[][] metrics = [.. Enumerable.Range(0, 2).Select(_ =>
        {
            using var file = new TrialFile(Results);
            var search = new TrialSearch<Options>(new Options(), axes, (trial, _, _) => Task.FromResult(trial.LearningRate), file);
            return search.RunAsync(candidates!).GetAwaiter().GetResult().Trials.Select(trial => trial.Metric).ToArray();
        })];

        CollectionAssert.AreEqual((double[])[1e-2, 2e-3, 1e-4], metrics[0]);
        CollectionAssert.AreEqual(metrics[0], metrics[1]);
        Assert.HasCount(3, File.ReadAllLines(Results));
    }

    [TestMethod]
    public void A_trial_that_fails_is_out()
    {
        var result = Search([1, 2, 3, 4], trial => trial.PrefixLength switch
        {
            4 => double.PositiveInfinity,
            3 => throw new InvalidOperationException("It diverged."),
            2 => double.NaN,
            _ => -5,
        });

        Assert.AreEqual(1, result.Best.Options.PrefixLength);
        const string notFinite = "The metric is not a finite number.";
        CollectionAssert.AreEqual((string?[])[null, notFinite, "It diverged.", notFinite], result.Trials.Select(trial => trial.Error).ToArray());
        Assert.AreEqual("PrefixLength 3: failed: It diverged.", result.Trials[2].ToString());
    }

    [TestMethod]
    public void If_all_fail_the_first_reason_is_told()
    {
        var problem = Assert.ThrowsExactly<InvalidOperationException>(
            () => Search([1, 2], trial => throw new InvalidOperationException($"No {trial.PrefixLength}.")));

        StringAssert.Contains(problem.Message, "all 2 failed. The first one: No 1.");
        Assert.AreEqual("No 1.", problem.InnerException?.Message);
    }

    [TestMethod]
    public void A_candidate_out_of_range_is_refused_before_anything_runs()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Search([1, -1], _ => 0));

        Assert.IsEmpty(_ran);
    }

    [TestMethod]
    public void A_stopped_search_goes_on_where_it_was()
    {
        using var source = new CancellationTokenSource();
        Assert.ThrowsExactly<OperationCanceledException>(() => Search(
            [1, 2, 3, 4], trial => { if (trial.PrefixLength == 2) source.Cancel(); return trial.PrefixLength; }, cancellationToken: source.Token));
        File.AppendAllText(Results, "{\"options\":{\"PrefixL"); // As a kill would leave it.
        _ran.Clear();

        var result = Search([1, 2, 3, 4], trial => trial.PrefixLength);

        CollectionAssert.AreEqual((int[])[3, 4], _ran.Select(run => run.Length).ToArray());
        CollectionAssert.AreEqual((bool[])[true, true, false, false], result.Trials.Select(trial => trial.WasKnown).ToArray());
        CollectionAssert.AreEqual((double[])[1, 2, 3, 4], result.Trials.Select(trial => trial.Metric).ToArray());
        Assert.HasCount(4, File.ReadAllLines(Results));
    }

    [TestMethod]
    public void A_trial_that_failed_or_had_other_options_runs_again()
    {
        Search([1, 2], trial => trial.PrefixLength == 1 ? throw new InvalidOperationException("Busy.") : 2);
        _ran.Clear();

        Search([1, 2], _ => 1);
        Search([1, 2], _ => 1, options: new Options { Seed = 5 });
        Search([1, 2], _ => 1, options: new Options { Advanced = { Shards = 3 } });

        CollectionAssert.AreEqual((int[])[1, 1, 2, 1, 2], _ran.Select(run => run.Length).ToArray());
    }

    [TestMethod]
    [DataRow("{\"options\":{}}\n", "line 1: expected a trial with \"options\" and a \"metric\" or an \"error\".")]
    [DataRow("{\"metric\":1}\n", "line 1: expected a trial")]
    [DataRow("x\n", "line 1: expected a JSON object, found 'x'.")]
    public void A_foreign_file_is_refused_and_stays(string text, string message)
    {
        File.WriteAllText(Results, text);

        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => Search([1], _ => 1)).Message, message);
        Assert.AreEqual(text, File.ReadAllText(Results));
    }

    [TestMethod]
    public void Progress_counts_all_rounds()
    {
        var told = new List<PTuningSweepProgress<Options>>();

        Search([1, 2, 3], trial => trial.PrefixLength, rounds: HalvingRound.Plan(3, 3, 3), progress: new Told(told));

        CollectionAssert.AreEqual((int[])[1, 2, 3, 4], told.Select(progress => progress.Done).ToArray());
        Assert.IsTrue(told.All(progress => progress.Total == 4));
        Assert.AreEqual(2, told[1].Best!.Options.PrefixLength);
        Assert.AreEqual(TimeSpan.Zero, told[3].TimeLeft);
    }

    /// <summary>A round of 2 trials of weight 1 and one of a trial of weight 3: after 10 s for the first, 1 + 3 are left.</summary>
    [TestMethod]
    public void Time_left_counts_epochs()
    {
        var clock = new TrialClock([(2, 1), (1, 3)], parallel: 1);
        Assert.IsNull(clock.Left);

        clock.Add(TimeSpan.FromSeconds(10));
        Assert.AreEqual(TimeSpan.FromSeconds(40), clock.Left);

        clock.Add(null); // Of the results file: it takes no time and teaches none.
        clock.Next();
        Assert.AreEqual((TimeSpan.FromSeconds(30), 3), (clock.Left, clock.Total));
    }

    private string Results => Path.Combine(_folder.Path, "trials.jsonl");

    private PTuningSweepResult<Options> Search(
        int[] lengths, Func<Options, double> metric, bool isLowerBetter = false, IReadOnlyList<HalvingRound>? rounds = null, Options? options = null,
        IProgress<PTuningSweepProgress<Options>>? progress = null, CancellationToken cancellationToken = default)
    {
        using var file = new TrialFile(Results);
        var search = new TrialSearch<Options>(options ?? new Options(), Axes, (trial, _, _) =>
        {
            _ran.Add((trial.PrefixLength, trial.MaxEpochs));
            return Task.FromResult(metric(trial));
        }, file)
        {
            IsLowerBetter = isLowerBetter,
            Progress = progress,
            CancellationToken = cancellationToken,
        };
        return search.RunAsync([.. lengths.Select(length => (object[])[length])], rounds).GetAwaiter().GetResult();
    }

    private sealed class Told(List<PTuningSweepProgress<Options>> told) : IProgress<PTuningSweepProgress<Options>>
    {
        public void Report(PTuningSweepProgress<Options> value) => told.Add(value);
    }
}
