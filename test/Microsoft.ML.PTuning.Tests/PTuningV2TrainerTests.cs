using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tests;

[TestClass]
public class PTuningV2TrainerTests
{
    private static readonly MLContext Context = new(1);
    private static TinyEncoder s_encoder = null!;

    private static IDataView Data => Tickets.Keyed(Context, Tickets.Rows(24));

    [ClassInitialize]
    public static void MakeEncoder(TestContext context) => s_encoder = new TinyEncoder();

    [ClassCleanup]
    public static void DeleteEncoder() => s_encoder.Dispose();

    [TestMethod]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.LabelColumnName), "The label column 'Nowhere' is missing; expected a key.")]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.Sentence1ColumnName), "The first text column 'Nowhere' is missing; expected a scalar String.")]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.Sentence2ColumnName), "The second text column 'Nowhere' is missing; expected a scalar String.")]
    public void Missing_column_is_named_with_those_that_there_are(string option, string message)
    {
        var options = Untrainable();
        typeof(PTuningV2Trainer.MulticlassOptions).GetProperty(option)!.SetValue(options, "Nowhere");
        var trainer = Context.MulticlassClassification.Trainers.PTuningV2(options);

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => trainer.Fit(Data));
        Assert.AreEqual("Nowhere", refusal.ParamName);
        Assert.Contains(message, refusal.Message);
        Assert.Contains("The data has: Text, Topic, Hours, IsUrgent, Number, Vector, Label.", refusal.Message);
    }

    [TestMethod]
    public void Text_column_of_another_type_is_refused_before_the_backbone_is_looked_for()
    {
        var options = Untrainable();
        options.Sentence1ColumnName = "Hours";
        var trainer = Context.MulticlassClassification.Trainers.PTuningV2(options);

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => trainer.Fit(Data));
        Assert.Contains("The first text column 'Hours' is Scalar Single; expected a scalar String.", refusal.Message);
    }

    [TestMethod]
    public void Vector_of_numbers_is_no_text()
    {
        var options = Untrainable();
        options.Sentence1ColumnName = "Vector";

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(Data));
        Assert.Contains("'Vector' is Vector Single", refusal.Message);
    }

    [TestMethod]
    public void Label_that_is_no_key_is_refused_with_the_mapping_to_use()
    {
        var options = Untrainable();
        options.LabelColumnName = "Topic";

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(Data));
        Assert.Contains("The label column 'Topic' is Scalar String; expected a key. Map it to a key first (Transforms.Conversion.MapValueToKey).", refusal.Message);
    }

    [TestMethod]
    public void Binary_label_that_is_not_Boolean_is_refused()
    {
        var options = Untrainable().As<PTuningV2Trainer.BinaryOptions>();

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.BinaryClassification.Trainers.PTuningV2(options).Fit(Data));
        Assert.Contains("The label column 'Label' is Scalar key UInt32; expected a scalar Boolean.", refusal.Message);
    }

    [TestMethod]
    public void Regression_label_that_is_not_Single_is_refused()
    {
        var options = Untrainable().As<PTuningV2Trainer.RegressionOptions>();
        options.LabelColumnName = "Number";

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.Regression.Trainers.PTuningV2(options).Fit(Data));
        Assert.Contains("The label column 'Number' is Scalar Int32; expected a scalar Single. Convert it to Single", refusal.Message);
    }

    [TestMethod]
    public void Chain_refuses_a_wrong_column_before_an_earlier_estimator_is_fitted()
    {
        var read = false;
        var data = Context.Data.LoadFromEnumerable(Tickets.Rows(3).Select(row =>
        {
            read = true;
            return row;
        }));
        var chain = Context.Transforms.Conversion.MapValueToKey("Label", "Topic")
            .Append(Context.MulticlassClassification.Trainers.PTuningV2(sentence1ColumnName: "Nowhere"));

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => chain.Fit(data));
        Assert.IsFalse(read);
    }

    [TestMethod]
    public void Validation_set_without_the_text_column_is_refused_before_training()
    {
        var validation = Context.Transforms.DropColumns("Text").Fit(Data).Transform(Data);
        var trainer = Context.MulticlassClassification.Trainers.PTuningV2(Untrainable());

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => trainer.Fit(Data, validation));
        Assert.AreEqual("Text", refusal.ParamName);
    }

    [TestMethod]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.PrefixLength), -1)]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.PrefixLayers), -1)]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.PrefixProjectionSize), 0)]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.MaxLength), 0)]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.BatchSize), 0)]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.MaxEpochs), -1)]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.EarlyStoppingPatience), -1)]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.PrefixDropout), 1.0)]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.HeadDropout), -0.1)]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.BackboneDropout), double.NaN)]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.WarmupRatio), 1.0)]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.WeightDecay), -1.0)]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.MaxGradientNorm), double.PositiveInfinity)]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.LearningRate), -1e-3)]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.LearningRate), double.NaN)]
    public void Option_out_of_range_is_refused_by_name_when_the_trainer_is_made(string option, object value)
    {
        var options = new PTuningV2Trainer.MulticlassOptions();
        options.Set(option, value);

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.MulticlassClassification.Trainers.PTuningV2(options));
        Assert.AreEqual(option, refusal.ParamName);
        Assert.AreEqual(value, refusal.ActualValue);
    }

    [TestMethod]
    [DataRow(nameof(AdvancedTrainingOptions.Shards))]
    [DataRow(nameof(AdvancedTrainingOptions.TrunkCacheMemoryMegabytes))]
    public void Advanced_option_out_of_range_is_refused_by_name_when_the_trainer_is_made(string option)
    {
        var options = new PTuningV2Trainer.MulticlassOptions();
        typeof(AdvancedTrainingOptions).GetProperty(option)!.SetValue(options.Advanced, -1);

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Context.MulticlassClassification.Trainers.PTuningV2(options));
        Assert.AreEqual(option, refusal.ParamName);
    }

    [TestMethod]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.LabelColumnName), null)]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.Sentence1ColumnName), "")]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.Sentence2ColumnName), "")]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.ScoreColumnName), "")]
    [DataRow(nameof(PTuningV2Trainer.MulticlassOptions.PredictedLabelColumnName), null)]
    public void Column_without_a_name_is_refused_by_its_option(string option, string? name)
    {
        var options = new PTuningV2Trainer.MulticlassOptions();
        typeof(PTuningV2Trainer.MulticlassOptions).GetProperty(option)!.SetValue(options, name);

        var refusal = Assert.Throws<ArgumentException>(() => Context.MulticlassClassification.Trainers.PTuningV2(options));
        Assert.AreEqual(option, refusal.ParamName);
    }

    [TestMethod]
    public void Probability_without_a_name_is_refused_by_its_option()
    {
        var refusal = Assert.Throws<ArgumentException>(() => Context.BinaryClassification.Trainers.PTuningV2(probabilityColumnName: ""));
        Assert.AreEqual("ProbabilityColumnName", refusal.ParamName);
    }

    [TestMethod]
    public void Prefix_and_text_beyond_the_positions_are_refused_before_training_with_what_fits()
    {
        var options = s_encoder.Options();
        (options.PrefixLength, options.MaxLength) = (5, 12);

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(Data));
        Assert.Contains("PrefixLength 5 and MaxLength 12 together exceed the 16 positions", refusal.Message);
        Assert.Contains("Use a MaxLength of 11 or less, a shorter prefix, or PositionOffset.None.", refusal.Message);
    }

    [TestMethod]
    public void Prefix_takes_no_positions_where_it_does_not_shift_the_text()
    {
        var options = s_encoder.Options();
        (options.PrefixLength, options.MaxLength, options.PositionOffset) = (30, 16, PositionOffset.None);

        using var model = Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(Data);

        Assert.HasCount(24, Scores.Read(Context, model.Transform(Data)));
    }

    [TestMethod]
    public void More_prefix_layers_than_the_encoder_has_are_refused()
    {
        var options = s_encoder.Options();
        options.PrefixLayers = 4;

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(Data));
        Assert.Contains("PrefixLayers is 4, but", refusal.Message);
        Assert.Contains("has 3 layers. Use 3 or less, or 0 for all.", refusal.Message);
    }

    [TestMethod]
    public void Unknown_backbone_is_refused_with_the_places_searched()
    {
        var trainer = Context.MulticlassClassification.Trainers.PTuningV2(sentence1ColumnName: "Text", backbone: "nobody/nothing");

        var refusal = Assert.ThrowsExactly<DirectoryNotFoundException>(() => trainer.Fit(Data));
        Assert.Contains("'nobody/nothing' was not found on this machine; nothing is downloaded", refusal.Message);
        Assert.Contains("PTUNING_BACKBONE_PATH", refusal.Message);
    }

    [TestMethod]
    [DoNotParallelize]
    public void Refused_fit_gives_the_encoder_back()
    {
        var options = s_encoder.Options();
        options.MaxLength = 100;
        var before = LiveTensors.CountSettled();

        Assert.ThrowsExactly<InvalidOperationException>(() => Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(Data));

        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    public void Class_that_only_the_key_knows_keeps_its_score_slot()
    {
        using var model = Context.MulticlassClassification.Trainers.PTuningV2(s_encoder.Options())
            .Fit(Context.Data.FilterRowsByColumn(Data, "Hours", upperBound: 4)); // Not one row of the third topic.

        Assert.AreEqual(3, ((VectorDataViewType)model.GetOutputSchema(Data.Schema)["Score"].Type).Size);
    }

    [TestMethod]
    public void Rows_whose_label_is_missing_are_skipped_and_counted()
    {
        var known = Context.Data.LoadFromEnumerable(Tickets.Rows(2)); // Two topics of three.
        var data = Context.Data.LoadFromEnumerable(Tickets.Rows(24));
        var keyed = Context.Transforms.Conversion.MapValueToKey("Label", "Topic", keyData: Context.Transforms.SelectColumns("Topic").Fit(known).Transform(known))
            .Fit(data).Transform(data);

        using var model = Context.MulticlassClassification.Trainers.PTuningV2(s_encoder.Options()).Fit(keyed);

        Assert.AreEqual((16, 8), (model.Summary!.RowsUsed, model.Summary.RowsSkipped));
    }

    [TestMethod]
    public void Same_seed_gives_the_same_bits_and_another_seed_others()
    {
        float[] Train(int? seed, int contextSeed)
        {
            var mlContext = new MLContext(contextSeed);
            var options = s_encoder.Options();
            options.Seed = seed;
            using var model = mlContext.MulticlassClassification.Trainers.PTuningV2(options).Fit(Data);
            return [.. Scores.Read(mlContext, model.Transform(Data)).SelectMany(s => s.Score)];
        }

        CollectionAssert.AreEqual(Train(seed: 1, contextSeed: 8), Train(seed: 1, contextSeed: 9));
        CollectionAssert.AreEqual(Train(seed: null, contextSeed: 8), Train(seed: null, contextSeed: 8));
        CollectionAssert.AreNotEqual(Train(seed: null, contextSeed: 8), Train(seed: null, contextSeed: 9));
        CollectionAssert.AreNotEqual(Train(seed: 1, contextSeed: 8), Train(seed: 2, contextSeed: 8));
    }

    [TestMethod]
    public void GPU_that_the_context_gets_after_the_trainer_was_made_is_not_used()
    {
        var mlContext = new MLContext(1);
        var lines = new List<string>();
        mlContext.Log += (_, e) => lines.Add(e.RawMessage);
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(s_encoder.Options());
        mlContext.GpuDeviceId = 99;

        trainer.Fit(Data).Dispose();

        Assert.Contains("24 training rows", lines.Single(line => line.EndsWith(", cpu.", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Nothing_in_place_of_data_or_options_is_refused()
    {
        var trainer = Context.MulticlassClassification.Trainers.PTuningV2(s_encoder.Options());

        Assert.ThrowsExactly<ArgumentNullException>(() => trainer.Fit(null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => trainer.Fit(Data, null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => trainer.GetOutputSchema(null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => Context.MulticlassClassification.Trainers.PTuningV2((PTuningV2Trainer.MulticlassOptions)null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => PTuningV2Transformer.LoadFrom(Context, (Stream)null!));
    }

    [TestMethod]
    [DataRow(1, null, "MaxLength is 1, but 2 special tokens stand around a text, which need room too.")]
    [DataRow(2, "Topic", "MaxLength is 2, but 3 special tokens stand around a pair of texts, which need room too.")]
    public void MaxLength_without_room_for_the_special_tokens_is_refused(int maxLength, string? secondColumn, string message)
    {
        var options = s_encoder.Options();
        (options.MaxLength, options.Sentence2ColumnName) = (maxLength, secondColumn);

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(Data));
        Assert.Contains(message, refusal.Message);
    }

    [TestMethod]
    public void MaxLength_of_the_largest_number_is_beyond_the_positions()
    {
        var options = s_encoder.Options();
        options.MaxLength = int.MaxValue;

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(() => Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(Data));
        Assert.Contains("together exceed the 16 positions of the backbone. Use a MaxLength of 13 or less", refusal.Message);
    }

    [TestMethod]
    public void Label_beyond_the_count_of_its_key_is_a_missing_one()
    {
        var rows = Context.Data.LoadFromEnumerable(Enumerable.Range(0, 12).Select(i => new KeyedRow { Text = "invoice charge", Label = i == 0 ? 5u : (uint)(i % 3) })); // From 0, as ML.NET counts them here.

        using var model = Context.MulticlassClassification.Trainers.PTuningV2(s_encoder.Options()).Fit(rows);

        Assert.AreEqual(1, model.Summary!.RowsSkipped);
        Assert.AreEqual(11, model.Summary.RowsUsed);
    }

    [TestMethod]
    public void Options_changed_after_the_trainer_was_made_do_not_reach_it()
    {
        var options = s_encoder.Options();
        var trainer = Context.MulticlassClassification.Trainers.PTuningV2(options);
        options.MaxEpochs = 3;

        using var model = trainer.Fit(Data);

        Assert.HasCount(1, model.Summary!.Epochs);
    }

    /// <summary>Options whose backbone is nowhere: a test that meets them got past the checks of the schema.</summary>
    private static PTuningV2Trainer.MulticlassOptions Untrainable() => new() { Sentence1ColumnName = "Text", Backbone = "nobody/nothing" };

    private sealed class KeyedRow
    {
        public string Text { get; set; } = "";

        [KeyType(3)]
        public uint Label { get; set; }
    }
}
