using Microsoft.ML.PTuning.Tests.Examples;
using Options = Microsoft.ML.PTuning.PTuningV2Trainer.MulticlassOptions;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Sweeps that train, on a tiny encoder.</summary>
[TestClass]
public sealed class PTuningSweepTests
{
    private readonly TinyEncoder _encoder = new();

    private readonly TemporaryFolder _folder = new();

    private readonly MLContext _mlContext = new(1);

    private IDataView Rows => Tickets.Keyed(_mlContext, Tickets.Rows(40));

    [TestCleanup]
    public void Free()
    {
        _encoder.Dispose();
        _folder.Dispose();
    }

    /// <summary>What a trial measures is what training with its options by hand measures on the same split.</summary>
    [TestMethod]
    public void A_trial_measures_a_training_with_its_options_on_rows_that_are_held_out()
    {
        var result = Sweep().Vary(options => options.LearningRate, 1e-3, 0.1).Vary(options => options.PrefixLength, 2, 3).Run(Rows);

        Assert.HasCount(4, result.Trials);
        var split = _mlContext.Data.TrainTestSplit(Rows, 0.2, seed: 1);
        foreach (var trial in result.Trials)
        {
            using var model = _mlContext.MulticlassClassification.Trainers.PTuningV2(trial.Options).Fit(split.TrainSet);
            Assert.AreEqual(LogLoss(model.Transform(split.TestSet)), trial.Metric);
        }
        Assert.AreEqual(result.Trials.Min(trial => trial.Metric), result.Best.Metric);
    }

    [TestMethod]
    public void Trials_encode_their_rows_once_for_each_maximum_length_and_train_as_if_alone()
    {
        var tickets = new CountedRows<Ticket>(Tickets.Rows(40));
        var rows = Tickets.Keyed(_mlContext, tickets);
        var before = tickets.Walks;

        var result = Sweep().Vary(options => options.MaxLength, 6, 12).Vary(options => options.LearningRate, 1e-3, 0.1)
            .Vary(options => options.Pooling, Pooling.Mean, Pooling.Trained).Run(rows, Rows);

        Assert.HasCount(8, result.Trials);
        Assert.AreEqual(2, tickets.Walks - before);
        AssertSameAlone(result, rows);
    }

    /// <summary>The text begins behind the prefix, so its positions, and what leaves the trunk, depend on the prefix's length.</summary>
    [TestMethod]
    public void Trials_with_the_same_trunk_compute_it_once_and_train_as_if_alone()
    {
        var lines = new List<string>();
        _mlContext.Log += (_, message) => lines.Add(message.Message);
        var options = _encoder.Options();
        (options.PrefixLayers, options.MaxEpochs) = (1, 2);

        var result = Sweep(options).Vary(options => options.PrefixLength, 2, 3).Vary(options => options.LearningRate, 1e-3, 1e-2, 0.1).Run(Rows, Rows);

        Assert.AreEqual(2, lines.Count(line => line.Contains("are computed once", StringComparison.Ordinal)));
        Assert.AreEqual(4, lines.Count(line => line.Contains("is that of the training before", StringComparison.Ordinal)));
        AssertSameAlone(result, Rows);
    }

    /// <summary>A chain of two steps, the second of which is the model of half of the rows.</summary>
    [TestMethod]
    public void Trials_may_be_trained_in_another_way()
    {
        var fitted = new List<int>();
        ITransformer Fit(Options options, IDataView rows)
        {
            fitted.Add(options.PrefixLength);
            return _mlContext.Transforms.CopyColumns("Copy", nameof(Ticket.Text))
                .Append(_mlContext.MulticlassClassification.Trainers.PTuningV2(options)).Fit(_mlContext.Data.TakeRows(rows, 20));
        }
        var sweep = Sweep();
        sweep.Fit = Fit;

        var result = sweep.Vary(options => options.PrefixLength, 2, 3).Run(Rows, Rows);

        CollectionAssert.AreEqual(new[] { 2, 3 }, fitted);
        foreach (var trial in result.Trials)
            Assert.AreEqual(LogLoss(Fit(trial.Options, Rows).Transform(Rows)), trial.Metric);
    }

    [TestMethod]
    public async Task Points_that_are_measured_elsewhere_give_the_same_trials()
    {
        PTuningSweep<Options> Create()
        {
            var sweep = Sweep().VaryRange(options => options.LearningRate, 1e-3, 0.1, logarithmic: true);
            sweep.Trials = 4;
            return sweep;
        }
        var elsewhere = Create();

        var result = await Create().RunAsync(async (point, cancellation) =>
        {
            await Task.Delay(20 * (4 - point.Candidate), cancellation); // The last one ends first.
            return elsewhere.Measure(point, Rows, cancellationToken: cancellation);
        }, parallelTrials: 4);

        var expected = Create().Run(Rows);
        CollectionAssert.AreEqual(expected.Trials.Select(trial => trial.Metric).ToArray(), result.Trials.Select(trial => trial.Metric).ToArray());
        CollectionAssert.AreEqual((int[])[1, 2, 3, 4], result.Trials.Select(trial => trial.Number).ToArray());
        Assert.AreEqual(expected.Best.Number, result.Best.Number);
    }

    [TestMethod]
    public async Task A_point_of_another_sweep_is_refused()
    {
        var other = Sweep().Vary(options => options.PrefixLength, 2, 3);

        await Assert.ThrowsExactlyAsync<InvalidDataException>(() =>
            Sweep().Vary(options => options.PrefixLength, 2, 4).RunAsync((point, _) => Task.FromResult(other.Measure(point, Rows)), parallelTrials: 1));
        Assert.ThrowsExactly<InvalidDataException>(() => other.Measure(new() { Candidate = 2, Epochs = 1, Options = "" }, Rows));
    }

    [TestMethod]
    public void Successive_halving_trains_the_best_with_all_epochs()
    {
        var options = _encoder.Options();
        options.MaxEpochs = 3;
        var sweep = Sweep(options);
        (sweep.Search, sweep.Trials) = (PTuningSweepSearch.SuccessiveHalving, 4);

        var result = sweep.VaryRange(options => options.LearningRate, 1e-3, 0.1, logarithmic: true).Run(Rows);

        CollectionAssert.AreEqual((int[])[1, 1, 1, 1, 3], result.Trials.Select(trial => trial.Options.MaxEpochs).ToArray());
        Assert.AreSame(result.Trials[4], result.Best);
        var best = result.Trials.Take(4).MinBy(trial => trial.Metric)!;
        Assert.AreEqual(best.Options.LearningRate, result.Best.Options.LearningRate);
    }

    [TestMethod]
    public void A_cancelled_sweep_goes_on_where_it_was()
    {
        using var source = new CancellationTokenSource();
        var sweep = Sweep().Vary(options => options.PrefixLength, 2, 3, 4);
        sweep.ResultsFile = Path.Combine(_folder.Path, "trials.jsonl");
        sweep.CancellationToken = source.Token;
        sweep.Progress = new CancelAfterFirst(source);
        Assert.ThrowsExactly<OperationCanceledException>(() => sweep.Run(Rows));

        sweep.CancellationToken = CancellationToken.None;
        sweep.Progress = null;
        var result = sweep.Run(Rows);

        CollectionAssert.AreEqual((bool[])[true, false, false], result.Trials.Select(trial => trial.WasKnown).ToArray());
        sweep.ResultsFile = null;
        CollectionAssert.AreEqual(sweep.Run(Rows).Trials.Select(trial => trial.Metric).ToArray(), result.Trials.Select(trial => trial.Metric).ToArray());
    }

    [TestMethod]
    public void A_token_that_is_cancelled_in_a_training_ends_the_sweep()
    {
        using var source = new CancellationTokenSource();
        var options = _encoder.Options();
        options.MaxEpochs = 1_000;
        options.Progress = new Progress(_ => source.Cancel());
        var sweep = Sweep(options).Vary(options => options.PrefixLength, 2, 3);
        sweep.CancellationToken = source.Token;

        Assert.Throws<OperationCanceledException>(() => sweep.Run(Rows));
    }

    [TestMethod]
    public void A_prefix_that_is_too_long_for_the_encoder_is_a_trial_that_failed()
    {
        var result = Sweep().Vary(options => options.PrefixLength, 2, 1_000).Run(Rows);

        Assert.AreEqual(2, result.Best.Options.PrefixLength);
        StringAssert.Contains(result.Trials[1].Error, "together exceed the 16 positions of the backbone.");
    }

    [TestMethod]
    public void Native_memory_of_the_trials_is_freed()
    {
        var options = _encoder.Options();
        (options.PrefixLayers, options.MaxEpochs) = (1, 2); // So that they share a trunk, too.
        var sweep = Sweep(options).Vary(options => options.PrefixLength, 2, 3);
        sweep.Run(Rows); // The encoder's tensors are loaded.

        long before = LiveTensors.CountSettled();
        sweep.Run(Rows);
        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    public void What_cannot_be_varied_is_refused()
    {
        var sweep = Sweep().Vary(options => options.PrefixLength, 2, 3);

        Refused<ArgumentException>(() => sweep.Vary(options => options.PrefixLength), "PrefixLength is varied already.");
        Refused<ArgumentException>(
            () => sweep.Vary(options => options.Backbone), "Backbone carries no search space. Give its values: Vary(options => options.Backbone, …).");
        Refused<ArgumentException>(() => sweep.Vary(options => options.Advanced.Shards, 1, 2), "Expected a property of the options");
        Refused<ArgumentException>(() => sweep.Vary(options => options.BatchSize * 2, 1, 2), "Expected a property of the options");
        Refused<ArgumentException>(() => sweep.Vary(options => options.Advanced), "Expected a property of the options");
        Refused<ArgumentOutOfRangeException>(
            () => sweep.VaryRange(options => options.LearningRate, 1e-2, 1e-3), "The range of LearningRate must have a bound above 0.01.");
        Refused<ArgumentOutOfRangeException>(
            () => sweep.VaryRange(options => options.WeightDecay, 0, 1, logarithmic: true), "A logarithmic range of WeightDecay must begin above 0.");
    }

    [TestMethod]
    public void What_cannot_be_run_is_refused()
    {
        Refused<InvalidOperationException>(() => Sweep().Run(Rows), "The sweep varies no option.");
        var sweep = Sweep().Vary(options => options.PrefixLength, 2, 3);
        sweep.ValidationFraction = 1;
        Refused<InvalidOperationException>(() => sweep.Run(Rows), "ValidationFraction must be above 0 and below 1");
        sweep.Search = PTuningSweepSearch.SuccessiveHalving;
        Refused<InvalidOperationException>(() => sweep.Vary(options => options.MaxEpochs).Run(Rows, Rows), "Do not vary it, or use another search.");
        sweep = Sweep(new Options { Backbone = _encoder.Path }).Vary(options => options.PrefixLength, 2, 3);
        sweep.Search = PTuningSweepSearch.SuccessiveHalving;
        Refused<InvalidOperationException>(() => sweep.Run(Rows, Rows), "Set MaxEpochs to those of the last round");
        sweep.Trials = 0;
        Refused<ArgumentOutOfRangeException>(() => sweep.Run(Rows, Rows), "Trials must be 1 or more.");
    }

    private static void Refused<TException>(Action action, string message)
        where TException : Exception =>
        StringAssert.Contains(Assert.ThrowsExactly<TException>(action).Message, message);

    private PTuningSweep<Options> Sweep(Options? options = null) =>
        new(_mlContext, options ?? _encoder.Options(), LogLoss) { Search = PTuningSweepSearch.Grid, IsLowerBetter = true };

    private void AssertSameAlone(PTuningSweepResult<Options> result, IDataView training)
    {
        foreach (var trial in result.Trials)
        {
            using var model = _mlContext.MulticlassClassification.Trainers.PTuningV2(trial.Options).Fit(training);
            Assert.AreEqual(LogLoss(model.Transform(Rows)), trial.Metric, trial.ToString());
        }
    }

    private double LogLoss(IDataView scored) => _mlContext.MulticlassClassification.Evaluate(scored).LogLoss;

    private sealed class CancelAfterFirst(CancellationTokenSource source) : IProgress<PTuningSweepProgress<Options>>
    {
        public void Report(PTuningSweepProgress<Options> value) => source.Cancel();
    }

    private sealed class Progress(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
