using Microsoft.ML.Data;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>What a whole training run promises.</summary>
[TestClass]
[DoNotParallelize]
public sealed class TrainingTests
{
    private TinyTraining _training = null!;

    [TestInitialize]
    public void MakeTraining() => _training = new TinyTraining();

    [TestCleanup]
    public void DeleteEncoder() => _training.Dispose();

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(5)]
    public void Same_seed_gives_the_same_bits(int shards)
    {
        var rows = TinyTraining.Texts(40);
        _training.Options.Advanced.Shards = shards;

        CollectionAssert.AreEqual(_training.FitAndScore(rows), _training.FitAndScore(rows));
    }

    [TestMethod]
    public void Same_seed_of_the_context_gives_the_same_bits()
    {
        var rows = TinyTraining.Texts(40);

        CollectionAssert.AreEqual(ScoresOf(new MLContext(seed: 7)), ScoresOf(new MLContext(seed: 7)));
        CollectionAssert.AreNotEqual(ScoresOf(new MLContext(seed: 7)), ScoresOf(new MLContext(seed: 8)));

        float[] ScoresOf(MLContext context)
        {
            _training.Options.Seed = null;
            var data = context.Data.LoadFromEnumerable(rows);
            var keys = context.Transforms.Conversion.MapValueToKey("Label").Fit(data);
            using var model = context.MulticlassClassification.Trainers.PTuningV2(_training.Options).Fit(keys.Transform(data));
            return _training.Scores(model, rows);
        }
    }

    [TestMethod]
    public void Another_seed_gives_another_model()
    {
        var rows = TinyTraining.Texts(40);
        var first = _training.FitAndScore(rows);
        _training.Options.Seed = 2;

        CollectionAssert.AreNotEqual(first, _training.FitAndScore(rows));
    }

    [TestMethod]
    public void Rows_are_read_once_for_all_epochs()
    {
        var (training, validation) = (new CountedRows<LabelledText>(TinyTraining.Texts(40)), new CountedRows<LabelledText>(TinyTraining.Texts(20, seed: 1)));

        _training.Fit(training, validation).Dispose();

        Assert.AreEqual(1, validation.Walks);
        Assert.AreEqual(2, training.Walks); // Once by MapValueToKey.
    }

    [TestMethod]
    public void Shards_change_no_more_than_rounding()
    {
        var rows = TinyTraining.Texts(40);
        (_training.Options.PrefixDropout, _training.Options.HeadDropout) = (0, 0);
        var two = _training.FitAndScore(rows);
        _training.Options.Advanced.Shards = 5;

        foreach (var (expected, actual) in two.Zip(_training.FitAndScore(rows)))
            Assert.AreEqual(expected, actual, 1e-3);
    }

    [TestMethod]
    public void Padding_every_row_to_the_maximum_changes_no_more_than_rounding()
    {
        var rows = TinyTraining.Texts(40);
        (_training.Options.PrefixDropout, _training.Options.HeadDropout) = (0, 0);
        var planned = _training.FitAndScore(rows);
        _training.Options.Advanced.PadToMaxLength = true;

        foreach (var (expected, actual) in planned.Zip(_training.FitAndScore(rows)))
            Assert.AreEqual(expected, actual, 1e-3);
    }

    [TestMethod]
    public void Training_lowers_the_loss()
    {
        _training.Options.MaxEpochs = 10;

        using var model = _training.Fit(TinyTraining.Texts(100));

        Assert.IsLessThan(0.8 * model.Summary!.Epochs[0].Loss, model.Summary.Epochs[^1].Loss);
    }

    [TestMethod]
    public void Thousand_classes_are_learned_and_saved()
    {
        const int Classes = 1000;
        var rows = Enumerable.Range(0, Classes)
            .Select(i => new LabelledText { Text = $"{Letter(i)} {Letter(i / 25)} {Letter(i / 625)}", Label = $"class {i}" }).ToArray();
        var data = _training.Context.Data.LoadFromEnumerable(rows);
        (_training.Options.PrefixDropout, _training.Options.HeadDropout, _training.Options.BatchSize, _training.Options.MaxEpochs) = (0, 0, 250, 10);
        var chain = _training.Context.Transforms.Conversion.MapValueToKey("Label")
            .Append(_training.Context.MulticlassClassification.Trainers.PTuningV2(_training.Options))
            .Append(_training.Context.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
            .Fit(data);
        using var model = (IDisposable)chain;
        using var file = new MemoryStream();

        _training.Context.Model.Save(chain, data.Schema, file);
        var loaded = _training.Context.Model.Load(file, out _);
        using var again = (IDisposable)loaded;

        var metrics = _training.Context.MulticlassClassification.Evaluate(loaded.Transform(data));
        Assert.HasCount(Classes, metrics.PerClassLogLoss);
        Assert.IsLessThan(Math.Log(Classes), metrics.LogLoss, "better than by chance");
        CollectionAssert.AreEqual(Labels(chain), Labels(loaded));

        string[] Labels(ITransformer transformer) => [.. transformer.Transform(data).GetColumn<string>("PredictedLabel")];
        static char Letter(int number) => (char)('a' + number % 25);
    }

    [TestMethod]
    public void Global_generator_is_left_alone()
    {
        using var before = random.get_rng_state();

        _training.FitAndScore(TinyTraining.Texts(20));

        using var after = random.get_rng_state();
        CollectionAssert.AreEqual(before.data<byte>().ToArray(), after.data<byte>().ToArray());
    }

    [TestMethod]
    public void Returned_model_is_that_of_the_best_epoch_on_the_validation_set()
    {
        _training.Options.MaxEpochs = 8;
        var (rows, opposed) = (TinyTraining.Texts(100), Opposed(TinyTraining.Texts(60, seed: 1)));

        using var model = _training.Fit(rows, opposed);

        var epochs = model.Summary!.Epochs;
        var best = epochs.OrderByDescending(epoch => epoch.ValidationMetric).ThenBy(epoch => epoch.ValidationLoss).First();
        Assert.AreEqual(best.Epoch, model.Summary.BestEpoch);
        Assert.AreNotEqual(epochs[^1].ValidationMetric, best.ValidationMetric);
        Assert.AreEqual(best.ValidationMetric!.Value, Evaluate(model, rows, opposed).MicroAccuracy, 1e-9);
        Assert.AreEqual(best.ValidationLoss!.Value, Evaluate(model, rows, opposed).LogLoss, 1e-5);
    }

    [TestMethod]
    public void Returned_model_is_that_of_the_last_epoch_without_a_validation_set()
    {
        using var model = _training.Fit(TinyTraining.Texts(40));

        Assert.AreEqual(_training.Options.MaxEpochs, model.Summary!.BestEpoch);
    }

    [TestMethod]
    public void Rows_say_how_often_they_are_read_where_the_options_do_not()
    {
        (_training.Options.MaxEpochs, _training.Options.PrefixLength) = (0, 0);

        using var model = _training.Fit(TinyTraining.Texts(500));

        Assert.AreEqual(10, model.Summary!.Epochs.Count);
    }

    [TestMethod]
    public void Validation_set_of_the_options_counts_like_one_given_to_Fit()
    {
        var (rows, validation) = (TinyTraining.Texts(40), TinyTraining.Texts(20, seed: 1));
        using var given = _training.Fit(rows, validation);
        var data = _training.Context.Data.LoadFromEnumerable(rows);
        var keys = _training.Context.Transforms.Conversion.MapValueToKey("Label").Fit(data);
        _training.Options.ValidationSet = keys.Transform(_training.Context.Data.LoadFromEnumerable(validation));

        using var optional = _training.Fit(rows);

        CollectionAssert.AreEqual(
            given.Summary!.Epochs.Select(epoch => epoch.ValidationLoss).ToArray(), optional.Summary!.Epochs.Select(epoch => epoch.ValidationLoss).ToArray());
    }

    [TestMethod]
    public void Early_stopping_ends_training_after_so_many_epochs_without_improvement()
    {
        (_training.Options.MaxEpochs, _training.Options.EarlyStoppingPatience) = (30, 2);

        using var model = _training.Fit(TinyTraining.Texts(100), Opposed(TinyTraining.Texts(60, seed: 1)));

        Assert.HasCount(model.Summary!.BestEpoch + 2, model.Summary.Epochs);
        Assert.IsLessThan(30, model.Summary.Epochs.Count);
    }

    [TestMethod]
    public void Early_stopping_without_a_validation_set_is_refused()
    {
        _training.Options.EarlyStoppingPatience = 2;

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => _training.Fit(TinyTraining.Texts(20)));

        StringAssert.Contains(refusal.Message, "EarlyStoppingPatience needs a validation set");
    }

    [TestMethod]
    public void Native_memory_is_constant_over_200_steps()
    {
        (_training.Options.MaxEpochs, _training.Options.BatchSize) = (41, 8);
        var counts = new List<long>();
        _training.Options.Progress = new EveryStep(_ => counts.Add(LiveTensors.Count));

        using var model = _training.Fit(TinyTraining.Texts(40), TinyTraining.Texts(10, seed: 1));

        Assert.HasCount(205, counts);
        CollectionAssert.AreEqual(Enumerable.Repeat(counts[5], 200).ToArray(), counts.Skip(5).ToArray());
    }

    [TestMethod]
    public void Native_memory_is_constant_over_200_steps_with_a_projection()
    {
        (_training.Options.MaxEpochs, _training.Options.PrefixProjection, _training.Options.PrefixProjectionSize) = (41, true, 6);
        var counts = new List<long>();
        _training.Options.Progress = new EveryStep(_ => counts.Add(LiveTensors.Count));

        using var model = _training.Fit(TinyTraining.Texts(40));

        CollectionAssert.AreEqual(Enumerable.Repeat(counts[5], 200).ToArray(), counts.Skip(5).ToArray());
    }

    [TestMethod]
    public void Disposed_model_leaves_no_native_memory_behind()
    {
        var before = LiveTensors.CountSettled();

        _training.Fit(TinyTraining.Texts(20), TinyTraining.Texts(10, seed: 1)).Dispose();

        Assert.AreEqual(before, LiveTensors.Count);
    }

    /// <summary>The same texts with the other label: the better they are learned, the worse the metric.</summary>
    private static LabelledText[] Opposed(LabelledText[] rows) =>
        [.. rows.Select(row => new LabelledText { Text = row.Text, Label = row.Label == "late" ? "early" : "late" })];

    private MulticlassClassificationMetrics Evaluate(PTuningV2Transformer model, LabelledText[] training, LabelledText[] rows)
    {
        var keys = _training.Context.Transforms.Conversion.MapValueToKey("Label").Fit(_training.Context.Data.LoadFromEnumerable(training));
        return _training.Context.MulticlassClassification.Evaluate(model.Transform(keys.Transform(_training.Context.Data.LoadFromEnumerable(rows))));
    }
}
