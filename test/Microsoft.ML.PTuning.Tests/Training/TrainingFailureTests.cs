using System.Reflection;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>How training ends where it cannot go on: with advice, and without leaving native memory behind.</summary>
[TestClass]
[DoNotParallelize]
public sealed class TrainingFailureTests
{
    private TinyTraining _training = null!;

    [TestInitialize]
    public void MakeTraining() => _training = new TinyTraining();

    [TestCleanup]
    public void DeleteEncoder() => _training.Dispose();

    [TestMethod]
    public void Loss_that_is_no_number_is_an_error_with_advice()
    {
        _training.Options.LearningRate = 1e30;

        var failure = Fails<InvalidOperationException>(TinyTraining.Texts(40));

        StringAssert.Matches(
            failure.Message, new(@"The loss became (NaN|Infinity) at step \d+ of 15 \(epoch \d\).*learning rate of 1E\+30 is too high.*try a tenth"));
    }

    [TestMethod]
    public void Regression_whose_loss_overflows_is_an_error_with_advice()
    {
        _training.Options.LearningRate = 1e30;
        var before = LiveTensors.CountSettled();

        var failure = Assert.ThrowsExactly<InvalidOperationException>(() => _training.Fit(TinyTraining.Ratings(40)));

        StringAssert.Contains(failure.Message, "is too high for this data: try a tenth of it, or a warm-up");
        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    public void Weights_that_the_last_step_ruined_are_an_error_too()
    {
        (_training.Options.LearningRate, _training.Options.MaxEpochs) = (1e30, 1);

        var failure = Fails<InvalidOperationException>(TinyTraining.Texts(8), TinyTraining.Texts(8, seed: 1));

        StringAssert.Contains(failure.Message, "is too high for this data");
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(3)]
    public void Encoder_with_a_number_that_is_none_is_named_and_not_the_learning_rate(int rescues)
    {
        const string Broken = "encoder.layer.0.attention.output.dense.weight";
        var checkpoint = new TinyCheckpoint();
        checkpoint.Tensors[$"bert.{Broken}"][2, 3] = float.NaN;
        using var encoder = new TinyEncoder(checkpoint);
        var context = new MLContext();
        var options = encoder.Options();
        options.MaxRescues = rescues;

        var failure = Assert.ThrowsExactly<InvalidOperationException>(
            () => context.MulticlassClassification.Trainers.PTuningV2(options).Fit(Tickets.Keyed(context, Tickets.Rows(24))));

        StringAssert.Contains(failure.Message, $"the encoder's tensor '{Broken}' has numbers that are NaN or infinite");
        Assert.DoesNotContain("is too high", failure.Message);
    }

    [TestMethod]
    public void Cancelled_token_ends_training_before_the_next_step()
    {
        using var source = new CancellationTokenSource();
        _training.Options.CancellationToken = source.Token;
        var steps = CancelAfterTwoSteps(source.Cancel);

        Fails<OperationCanceledException>(TinyTraining.Texts(40));

        Assert.AreEqual(2, steps());
    }

    [TestMethod]
    public void Cancelled_context_ends_training_before_the_next_step()
    {
        var steps = CancelAfterTwoSteps(() => CancelExecution(_training.Context));

        var failure = Fails<OperationCanceledException>(TinyTraining.Texts(40));

        Assert.AreEqual(2, steps());
        StringAssert.Contains(failure.Message, "MLContext");
    }

    [TestMethod]
    public void Token_cancelled_beforehand_ends_training_before_the_first_step()
    {
        _training.Options.CancellationToken = new CancellationToken(canceled: true);
        var steps = CancelAfterTwoSteps(() => { });

        Fails<OperationCanceledException>(TinyTraining.Texts(40));

        Assert.AreEqual(0, steps());
    }

    [TestMethod]
    public void Exception_of_a_progress_callback_comes_through()
    {
        _training.Options.Progress = new EveryStep(_ => throw new InvalidDataException("from the callback"));

        Assert.AreEqual("from the callback", Fails<InvalidDataException>(TinyTraining.Texts(40)).Message);
    }

    [TestMethod]
    public void Key_of_one_class_is_refused()
    {
        var failure = Fails<InvalidOperationException>(Labelled("yes", "yes", "yes"));

        StringAssert.Contains(failure.Message, "Label column 'Label' has a single class");
    }

    [TestMethod]
    public void Rows_of_one_class_are_refused_by_its_name()
    {
        var context = _training.Context;
        var keys = context.Transforms.Conversion.MapValueToKey("Label").Fit(context.Data.LoadFromEnumerable(Labelled("yes", "no")));
        var trainer = context.MulticlassClassification.Trainers.PTuningV2(_training.Options);

        var failure = Assert.ThrowsExactly<InvalidOperationException>(
            () => trainer.Fit(keys.Transform(context.Data.LoadFromEnumerable(Labelled("no", "no", "no")))));

        StringAssert.Contains(failure.Message, "All 3 training rows have the same value in label column 'Label', no.");
    }

    [TestMethod]
    public void No_rows_are_refused()
    {
        var context = _training.Context;
        var keys = context.Transforms.Conversion.MapValueToKey("Label").Fit(context.Data.LoadFromEnumerable(Labelled("yes", "no")));
        var trainer = context.MulticlassClassification.Trainers.PTuningV2(_training.Options);

        var failure = Assert.ThrowsExactly<InvalidOperationException>(() => trainer.Fit(keys.Transform(context.Data.LoadFromEnumerable(Labelled()))));

        StringAssert.Contains(failure.Message, "There are no training rows");
    }

    [TestMethod]
    [DataRow(0, "There are no training rows: the data is empty.")]
    [DataRow(2, "There are no training rows: 2 rows were read and all lack a value in label column 'Label'.")]
    public void Rows_without_any_class_are_no_rows(int rows, string reason)
    {
        var failure = Fails<InvalidOperationException>(Labelled([.. Enumerable.Repeat<string?>(null, rows)]));

        StringAssert.Contains(failure.Message, reason);
    }

    [TestMethod]
    public void Class_with_half_of_a_surrogate_pair_is_refused()
    {
        var failure = Fails<ArgumentOutOfRangeException>(Labelled("yes", "no \ud83d"));

        StringAssert.Contains(failure.Message, "Value 2 of 2 of label column 'Label' has half of a surrogate pair");
    }

    [TestMethod]
    public void Class_with_a_whole_surrogate_pair_is_learned()
    {
        using var model = _training.Fit(Labelled("yes", "no \ud83d\ude00", "yes", "no \ud83d\ude00"));

        Assert.AreEqual(4, model.Summary!.RowsUsed);
    }

    [TestMethod]
    public void Key_of_more_values_than_can_be_classes_is_refused_by_number()
    {
        var data = _training.Context.Data.LoadFromEnumerable([new Numbered { Text = "a", Label = 1 }, new Numbered { Text = "b", Label = 2 }]);
        var trainer = _training.Context.MulticlassClassification.Trainers.PTuningV2(_training.Options);

        var failure = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => trainer.Fit(data));

        StringAssert.Contains(failure.Message, "Label column 'Label' is a key of 2,000,000,000 values, expected 1 to 1,000,000");
    }

    [TestMethod]
    public void Numbers_beyond_what_a_score_can_hold_are_refused()
    {
        var failure = Assert.ThrowsExactly<InvalidOperationException>(() => _training.Fit(TinyTraining.Ratings(20, scale: 3e38f, shift: -1e38f)));

        StringAssert.Contains(failure.Message, "predictions would exceed what a Single holds");
    }

    [TestMethod]
    public void Rows_without_any_label_are_refused()
    {
        var before = LiveTensors.CountSettled();

        var failure = Assert.ThrowsExactly<InvalidOperationException>(() =>
            _training.Fit([new RatedText { Text = "a", Label = float.NaN }, new RatedText { Text = "b", Label = float.NaN }]));

        StringAssert.Contains(failure.Message, "2 rows were read and all lack a value in label column 'Label'");
        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    public void Validation_set_without_any_label_is_refused()
    {
        var failure = Fails<InvalidOperationException>(TinyTraining.Texts(20), Labelled(null, null));

        StringAssert.Contains(failure.Message, "There are no validation rows: 2 rows were read and all lack a value");
    }

    [TestMethod]
    public void Regression_of_a_constant_is_refused()
    {
        var failure = Assert.ThrowsExactly<InvalidOperationException>(() => _training.Fit(TinyTraining.Ratings(20, scale: 0, shift: 0.1f)));

        StringAssert.Contains(failure.Message, "All 20 training rows have the value 0.1");
    }

    [TestMethod]
    public void Regression_of_an_infinite_label_is_refused_as_such()
    {
        var failure = Assert.ThrowsExactly<InvalidOperationException>(() =>
            _training.Fit([.. TinyTraining.Ratings(20), new RatedText { Text = "a", Label = float.PositiveInfinity }]));

        StringAssert.Contains(failure.Message, "infinite");
        StringAssert.Contains(failure.Message, "'Label'");
    }

    [TestMethod]
    public void Prefix_and_text_beyond_the_encoders_positions_are_refused()
    {
        _training.Options.MaxLength = 13;

        var failure = Fails<InvalidOperationException>(TinyTraining.Texts(20));

        StringAssert.Contains(failure.Message, "PrefixLength 4 and MaxLength 13 together exceed the 16 positions");
        StringAssert.Contains(failure.Message, "Use a MaxLength of 12 or less");
    }

    [TestMethod]
    public void Prefix_that_leaves_no_position_is_refused_without_a_length()
    {
        _training.Options.PrefixLength = 16;

        StringAssert.Contains(Fails<InvalidOperationException>(TinyTraining.Texts(20)).Message, "Use a shorter prefix, or PositionOffset.None.");
    }

    [TestMethod]
    public void More_prompted_layers_than_the_encoder_has_are_refused()
    {
        _training.Options.PrefixLayers = 4;

        StringAssert.Contains(Fails<InvalidOperationException>(TinyTraining.Texts(20)).Message, "has 3 layers. Use 3 or less");
    }

    /// <summary>What ML.NET's AutoML does when its time is up; not public.</summary>
    private static void CancelExecution(MLContext context) =>
        typeof(MLContext).GetMethod("CancelExecution", BindingFlags.Instance | BindingFlags.NonPublic)!.Invoke(context, null);

    private static LabelledText[] Labelled(params string?[] labels) => [.. labels.Select(label => new LabelledText { Text = "a b", Label = label })];

    /// <returns>How many steps there were.</returns>
    private Func<int> CancelAfterTwoSteps(Action cancel)
    {
        var steps = 0;
        _training.Options.Progress = new EveryStep(_ =>
        {
            if (++steps == 2)
                cancel();
        });
        return () => steps;
    }

    private T Fails<T>(LabelledText[] rows, LabelledText[]? validation = null)
        where T : Exception
    {
        var before = LiveTensors.CountSettled();
        var failure = Assert.ThrowsExactly<T>(() => _training.Fit(rows, validation));
        Assert.AreEqual(before, LiveTensors.Count);
        return failure;
    }

    private sealed class Numbered
    {
        public string Text { get; set; } = "";

        [Microsoft.ML.Data.KeyType(2_000_000_000)]
        public uint Label { get; set; }
    }
}
