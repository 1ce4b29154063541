using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tests;

[TestClass]
public class PTuningV2TransformerTests
{
    private static TinyModel s_model = null!;

    private static MLContext Context => s_model.MLContext;

    private static DataViewSchema Schema => s_model.Transformer.GetOutputSchema(s_model.Data.Schema);

    [ClassInitialize]
    public static void Train(TestContext context) => s_model = new TinyModel(60);

    [ClassCleanup]
    public static void Dispose() => s_model.Dispose();

    [TestMethod]
    public void Schema_of_data_and_of_the_view_agree()
    {
        var view = s_model.Transformer.Transform(s_model.Data).Schema;

        CollectionAssert.AreEqual(Schema.Select(c => $"{c.Name} {c.Type}").ToArray(), view.Select(c => $"{c.Name} {c.Type}").ToArray());
    }

    [TestMethod]
    public void Scores_are_probabilities()
    {
        foreach (var row in s_model.Score())
        {
            Assert.AreEqual(1, row.Score.Sum(), 1e-5f);
            Assert.IsTrue(row.Score.All(p => p is >= 0 and <= 1));
        }
    }

    [TestMethod]
    public void Predicted_label_is_the_highest_score()
    {
        foreach (var row in s_model.Score())
            Assert.AreEqual(row.Score.Max(), row.Score[row.PredictedLabel - 1]);
    }

    [TestMethod]
    public void Score_slots_are_named_by_the_labels_as_text()
    {
        VBuffer<ReadOnlyMemory<char>> names = default;
        Schema["Score"].GetSlotNames(ref names);

        CollectionAssert.AreEqual(Tickets.Topics, names.DenseValues().Select(n => n.ToString()).ToArray());
    }

    [TestMethod]
    public void Score_columns_carry_the_kinds_that_evaluators_look_for()
    {
        Assert.AreEqual("MulticlassClassification", Text("Score", "ScoreColumnKind"));
        Assert.AreEqual("MulticlassClassification", Text("PredictedLabel", "ScoreColumnKind"));
        Assert.AreEqual("Score", Text("Score", "ScoreValueKind"));
        Assert.AreEqual("PredictedLabel", Text("PredictedLabel", "ScoreValueKind"));
        Assert.AreEqual(SetId(Schema["Score"]), SetId(Schema["PredictedLabel"]));
    }

    [TestMethod]
    public void Missing_text_column_is_named_by_Transform_and_by_the_row_mapper()
    {
        var data = Context.Transforms.DropColumns("Text").Fit(s_model.Data).Transform(s_model.Data);

        foreach (Action use in new Action[]
        {
            () => s_model.Transformer.Transform(data),
            () => s_model.Transformer.GetOutputSchema(data.Schema),
            () => s_model.Transformer.GetRowToRowMapper(data.Schema),
        })
        {
            var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(use);
            Assert.AreEqual("Text", refusal.ParamName);
            Assert.Contains("The first text column 'Text' is missing; expected a scalar String.", refusal.Message);
        }
    }

    [TestMethod]
    public void Text_column_of_another_type_is_refused_by_Transform()
    {
        var data = Context.Transforms.CopyColumns("Text", "Vector").Fit(s_model.Data).Transform(s_model.Data);

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => s_model.Transformer.Transform(data));
        Assert.Contains("'Text' is Vector<Single, 3>; expected a scalar String.", refusal.Message);
    }

    [TestMethod]
    public void Scoring_twice_keeps_both_and_numbers_them_apart()
    {
        var twice = s_model.Transformer.Transform(s_model.Transformer.Transform(s_model.Data));
        var ids = twice.Schema.Where(c => c.Name == "Score").Select(SetId).ToArray();

        Assert.HasCount(2, ids);
        Assert.AreNotEqual(ids[0], ids[1]);
    }

    [TestMethod]
    public void Column_hidden_by_a_later_one_of_its_name_is_not_read()
    {
        var hidden = Context.Transforms.CopyColumns("Number", "Text").Append(Context.Transforms.CopyColumns("Text", "Topic")).Fit(s_model.Data).Transform(s_model.Data);
        var topics = Context.Transforms.CopyColumns("Text", "Topic").Fit(s_model.Data).Transform(s_model.Data);

        Scores.AssertEqual(
            Scores.Read(Context, s_model.Transformer.Transform(topics)), Scores.Read(Context, s_model.Transformer.Transform(hidden)));
    }

    [TestMethod]
    public void Preview_shows_the_scores()
    {
        var preview = s_model.Transformer.Transform(s_model.Data).Preview(maxRows: 5);

        Assert.HasCount(5, preview.RowView);
        Assert.Contains("PredictedLabel", preview.ColumnView.Select(c => c.Column.Name));
        Assert.IsInstanceOfType<VBuffer<float>>(preview.RowView[0].Values.Single(v => v.Key == "Score").Value);
    }

    [TestMethod]
    public void Scored_data_saved_as_binary_keeps_types_annotations_and_bits()
    {
        using var file = new MemoryStream();
        Context.Data.SaveAsBinary(s_model.Transformer.Transform(s_model.Data), file);
        using var folder = new Backbones.TemporaryDirectory();
        File.WriteAllBytes(folder.File("scored.idv"), file.ToArray());

        var back = Context.Data.LoadFromBinary(folder.File("scored.idv"));

        Assert.AreEqual(Schema["Score"].Type, back.Schema["Score"].Type);
        Assert.IsTrue(back.Schema["Score"].HasSlotNames());
        Assert.AreEqual("MulticlassClassification", Text("Score", "ScoreColumnKind", back.Schema));
        Scores.AssertEqual(s_model.Score(), Scores.Read(Context, back));
    }

    [TestMethod]
    public void Scores_feed_a_trainer_behind_them()
    {
        var scored = Context.Data.Cache(Context.Data.ShuffleRows(s_model.Transformer.Transform(s_model.Data), seed: 1));

        var stacked = Context.Transforms.Concatenate("Features", "Score", "Vector")
            .Append(Context.MulticlassClassification.Trainers.NaiveBayes(featureColumnName: "Features"))
            .Fit(scored).Transform(scored);

        Assert.HasCount(60, Scores.Read(Context, stacked));
    }

    [TestMethod]
    public void Two_trainers_in_one_chain_give_columns_of_two_sets()
    {
        var data = Context.Data.LoadFromEnumerable(s_model.Rows);
        var (first, second) = (s_model.Encoder.Options(), s_model.Encoder.Options());
        (first.ScoreColumnName, first.PredictedLabelColumnName) = ("FirstScore", "FirstLabel");
        second.Seed = 2;
        var chain = Context.Transforms.Conversion.MapValueToKey("Label", "Topic")
            .Append(Context.MulticlassClassification.Trainers.PTuningV2(first))
            .Append(Context.MulticlassClassification.Trainers.PTuningV2(second));

        using var model = chain.Fit(data);
        var scored = model.Transform(data);

        Assert.AreNotEqual(SetId(scored.Schema["FirstScore"]), SetId(scored.Schema["Score"]));
        Assert.AreEqual(SetId(scored.Schema["FirstScore"]), SetId(scored.Schema["FirstLabel"]));
        var metrics = Context.MulticlassClassification.Evaluate(scored, scoreColumnName: "FirstScore", predictedLabelColumnName: "FirstLabel");
        Assert.IsTrue(double.IsFinite(metrics.LogLoss));
    }

    [TestMethod]
    public void Label_mapping_in_the_training_scope_makes_scoring_free_of_the_label()
    {
        var data = Context.Data.LoadFromEnumerable(s_model.Rows);
        var chain = new EstimatorChain<ITransformer>()
            .Append(Context.Transforms.Conversion.MapValueToKey("Label", "Topic"), TransformerScope.TrainTest)
            .Append(Context.MulticlassClassification.Trainers.PTuningV2(s_model.Encoder.Options()))
            .Append(Context.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        using var model = chain.Fit(data);
        using var folder = new Backbones.TemporaryDirectory();
        Context.Model.Save(model.GetModelFor(TransformerScope.Scoring), null, folder.File("scoring.zip"));

        var loaded = new MLContext().Model.Load(folder.File("scoring.zip"), out var schema);
        using var engine = Context.Model.CreatePredictionEngine<TextOnly, TopicName>(loaded);

        Assert.IsNull(schema);
        Assert.Contains(engine.Predict(new TextOnly { Text = "parcel late" }).PredictedLabel, Tickets.Topics);
        Assert.IsTrue(double.IsFinite(Context.MulticlassClassification.Evaluate(model.Transform(data, TransformerScope.Everything)).LogLoss));
    }

    [TestMethod]
    public void Cache_checkpoint_before_the_trainer_changes_nothing()
    {
        var data = Context.Data.LoadFromEnumerable(s_model.Rows);
        var trainer = Context.MulticlassClassification.Trainers.PTuningV2(s_model.Encoder.Options());
        var key = Context.Transforms.Conversion.MapValueToKey("Label", "Topic");

        using var cached = key.AppendCacheCheckpoint(Context).Append(trainer).Fit(data);
        using var plain = key.Append(trainer).Fit(data);

        Scores.AssertEqual(Scores.Read(Context, plain.Transform(data)), Scores.Read(Context, cached.Transform(data)));
    }

    private static string Text(string column, string annotation, DataViewSchema? schema = null)
    {
        ReadOnlyMemory<char> text = default;
        (schema ?? Schema)[column].Annotations.GetValue(annotation, ref text);
        return text.ToString();
    }

    private static uint SetId(DataViewSchema.Column column)
    {
        uint id = 0;
        column.Annotations.GetValue("ScoreColumnSetId", ref id);
        return id;
    }

    private sealed class TextOnly
    {
        public string Text { get; set; } = "";
    }

    private sealed class TopicName
    {
        public string PredictedLabel { get; set; } = "";
    }
}
