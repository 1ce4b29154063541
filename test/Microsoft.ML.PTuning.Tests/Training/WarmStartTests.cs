using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>Training that starts from a model.</summary>
[TestClass]
[DoNotParallelize]
public sealed class WarmStartTests
{
    private static readonly LabelledText[] Rows = TinyTraining.Texts(40);

    private TinyTraining _training = null!;
    private PTuningV2Transformer _initial = null!;

    [TestInitialize]
    public void TrainInitialModel()
    {
        _training = new TinyTraining();
        _initial = _training.Fit(Rows);
        _training.Options.InitialModel = _initial;
    }

    [TestCleanup]
    public void DeleteEncoder()
    {
        _initial.Dispose();
        _training.Dispose();
    }

    [TestMethod]
    public void Prefix_and_head_are_the_initial_models_but_for_what_the_steps_change()
    {
        TakeOneTinyStep();

        using var model = _training.Fit(Rows);

        foreach (var (name, expected) in ValuesOf(_initial))
            AssertNear(expected, ValuesOf(model)[name]);
    }

    [TestMethod]
    public void Head_starts_fresh_where_the_classes_are_in_another_order()
    {
        TakeOneTinyStep();

        using var model = _training.Fit(Reordered(Rows));

        AssertNear(ValuesOf(_initial)["prefix"], ValuesOf(model)["prefix"]);
        AssertNear(new float[2], ValuesOf(model)["head.bias"]);
        Logged("its prefix is taken over; the head starts fresh, because the classes are others, or in another order (2; the InitialModel has 2).");
    }

    [TestMethod]
    public void Head_starts_fresh_where_the_task_is_of_another_kind()
    {
        TakeOneTinyStep();

        using var model = _training.Fit(TinyTraining.Ratings(40));

        AssertNear(ValuesOf(_initial)["prefix"], ValuesOf(model)["prefix"]);
        Assert.HasCount(1, ValuesOf(model)["head.bias"]);
        Logged("the head starts fresh, because the InitialModel learned a task of another kind.");
    }

    [TestMethod]
    public void Trained_pooler_counts_as_head()
    {
        (_training.Options.InitialModel, _training.Options.Pooling) = (null, Pooling.Trained);
        using var initial = _training.Fit(Rows);
        _training.Options.InitialModel = initial;
        TakeOneTinyStep();

        using var same = _training.Fit(Rows);
        using var reordered = _training.Fit(Reordered(Rows));

        AssertNear(ValuesOf(initial)["pooler.weight"], ValuesOf(same)["pooler.weight"]);
        Assert.IsGreaterThan(1e-3f, Distance(ValuesOf(initial)["pooler.weight"], ValuesOf(reordered)["pooler.weight"]));
    }

    [TestMethod]
    public void Head_starts_fresh_where_the_text_is_pooled_otherwise()
    {
        TakeOneTinyStep();
        _training.Options.Pooling = Pooling.Checkpoint;

        using var model = _training.Fit(Rows);

        AssertNear(new float[2], ValuesOf(model)["head.bias"]);
        Logged("the head starts fresh, because the InitialModel pools in another way (Mean; now Checkpoint).");
    }

    [TestMethod]
    public void Regression_predicts_the_same_though_the_labels_scale_differs()
    {
        _training.Options.InitialModel = null;
        using var initial = _training.Fit(TinyTraining.Ratings(40));
        _training.Options.InitialModel = initial;
        TakeOneTinyStep();

        using var model = _training.Fit(TinyTraining.Ratings(40, scale: 10, shift: 3));

        AssertNear(RatingsOf(initial), RatingsOf(model), 1e-4f);
    }

    [TestMethod]
    public void Training_goes_on_learning()
    {
        (_training.Options.MaxEpochs, _training.Options.PrefixDropout, _training.Options.HeadDropout) = (10, 0, 0);

        using var model = _training.Fit(Rows);

        Assert.IsLessThan(_initial.Summary!.Epochs[^1].Loss, model.Summary!.Epochs[^1].Loss);
    }

    [TestMethod]
    public void Initial_model_stays_as_it_is()
    {
        var before = ValuesOf(_initial);

        _training.Fit(Rows).Dispose();

        foreach (var (name, values) in ValuesOf(_initial))
            CollectionAssert.AreEqual(before[name], values, name);
    }

    [TestMethod]
    public void Summary_is_that_of_the_new_training_alone()
    {
        using var model = _training.Fit(Rows);

        CollectionAssert.AreEqual(new[] { 1, 2, 3 }, model.Summary!.Epochs.Select(e => e.Epoch).ToArray());
        Assert.AreEqual(_initial.Summary!.TrainedParameters, model.Summary.TrainedParameters);
    }

    [TestMethod]
    public void Same_seed_gives_the_same_bits() => CollectionAssert.AreEqual(_training.FitAndScore(Rows), _training.FitAndScore(Rows));

    [TestMethod]
    public void Saved_and_loaded_model_starts_training_as_the_original_does()
    {
        using var file = new MemoryStream();
        _initial.SaveTo(file);
        file.Position = 0;
        using var loaded = PTuningV2Transformer.LoadFrom(_training.Context, file);
        var expected = _training.FitAndScore(Rows);
        _training.Options.InitialModel = loaded;

        CollectionAssert.AreEqual(expected, _training.FitAndScore(Rows));
    }

    [TestMethod]
    public void Disposed_model_leaves_no_native_memory_behind()
    {
        var before = LiveTensors.CountSettled();

        _training.Fit(Rows).Dispose();

        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.PrefixLength), 3, "PrefixLength is 3, expected 4")]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.PrefixLength), 0, "PrefixLength is 0, expected 4")]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.PrefixLayers), 2, "PrefixLayers is 2, expected 0")]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.PositionOffset), PositionOffset.None, "PositionOffset is None, expected Prefix")]
    public void Another_prefix_is_refused_with_found_and_expected(string option, object value, string message)
    {
        _training.Options.Set(option, value);

        var refusal = Refused<InvalidOperationException>();

        Assert.AreEqual($"The InitialModel was trained otherwise: {message}. Set the options as expected.", refusal.Message);
    }

    [TestMethod]
    public void All_layers_by_number_are_all_layers()
    {
        _training.Options.PrefixLayers = TinyTraining.Layers;

        using var model = _training.Fit(Rows);

        Assert.IsNotNull(model.Summary);
    }

    [TestMethod]
    public void Encoder_with_other_weights_is_refused_by_their_hash()
    {
        using var encoder = UseOtherEncoder(_ => { });

        var refusal = Refused<InvalidOperationException>();

        StringAssert.Matches(refusal.Message, new(
            @"^The InitialModel stands on another encoder, .*: model\.safetensors has SHA-256 \w+\.\.\., expected \w+\.\.\.\. Set Backbone to"));
    }

    [TestMethod]
    public void Encoder_of_other_numbers_is_refused_by_them()
    {
        using var encoder = UseOtherEncoder(checkpoint => checkpoint.Configuration["layer_norm_eps"] = 0.001);

        StringAssert.Contains(Refused<InvalidOperationException>().Message, "layer norm epsilon 0.001, expected 1E-05");
    }

    [TestMethod]
    public void Copy_of_the_encoder_elsewhere_is_the_same_encoder()
    {
        using var copy = new TinyTraining();
        _training.Options.Backbone = copy.Options.Backbone;

        using var model = _training.Fit(Rows);

        Assert.AreEqual(copy.Options.Backbone, model.Backbone.Directory);
    }

    [TestMethod]
    public void Disposed_initial_model_is_refused()
    {
        _initial.Dispose();

        Refused<ObjectDisposedException>();
    }

    [TestMethod]
    public void Projection_is_refused_when_the_trainer_is_made()
    {
        _training.Options.PrefixProjection = true;

        var refusal = Assert.ThrowsExactly<ArgumentException>(
            () => _training.Context.MulticlassClassification.Trainers.PTuningV2(_training.Options));

        Assert.AreEqual(nameof(PTuningV2Trainer.MulticlassOptions.InitialModel), refusal.ParamName);
        StringAssert.Contains(refusal.Message, "a model keeps the prefix, not the network that made it. Set PrefixProjection to false");
    }

    /// <summary>AdamW's first step changes each value by its learning rate at most.</summary>
    private void TakeOneTinyStep() =>
        (_training.Options.LearningRate, _training.Options.MaxEpochs, _training.Options.BatchSize) = (1e-7, 1, 40);

    /// <summary>The same rows from the end, so that keys are given in another order.</summary>
    private static LabelledText[] Reordered(LabelledText[] rows)
    {
        var first = Array.FindIndex(rows, row => row.Label != rows[0].Label);
        return [rows[first], .. rows[..first], .. rows[(first + 1)..]];
    }

    /// <summary>Trains from now on with an encoder of other weights and the same vocabulary.</summary>
    private TinyCheckpoint UseOtherEncoder(Action<TinyCheckpoint> bend)
    {
        var checkpoint = new TinyCheckpoint();
        bend(checkpoint);
        checkpoint.SaveConfiguration().Save();
        File.Copy(Path.Combine(_training.Options.Backbone!, "vocab.txt"), Path.Combine(checkpoint.Path, "vocab.txt"));
        _training.Options.Backbone = checkpoint.Path;
        return checkpoint;
    }

    private T Refused<T>()
        where T : Exception
    {
        var before = LiveTensors.CountSettled();
        var refusal = Assert.ThrowsExactly<T>(() => _training.Fit(Rows));
        Assert.AreEqual(before, LiveTensors.Count);
        return refusal;
    }

    private float[] RatingsOf(PTuningV2Transformer model) =>
        [.. model.Transform(_training.Context.Data.LoadFromEnumerable(TinyTraining.Ratings(40))).GetColumn<float>("Score")];

    private void Logged(string text) =>
        Assert.IsTrue(_training.Log.Any(line => line.Contains(text, StringComparison.Ordinal)), $"The log has no '{text}'.");

    private static Dictionary<string, float[]> ValuesOf(PTuningV2Transformer model)
    {
        Dictionary<string, float[]> values = [];
        model.Model.Use((TrainedTensors tensors) => values = tensors.ToDictionary(t => t.Key, t => t.Value.cpu().data<float>().ToArray()));
        return values;
    }

    private static float Distance(float[] expected, float[] actual) => expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max();

    private static void AssertNear(float[] expected, float[] actual, float tolerance = 2e-7f)
    {
        Assert.HasCount(expected.Length, actual);
        Assert.IsLessThanOrEqualTo(tolerance, Distance(expected, actual));
    }
}
