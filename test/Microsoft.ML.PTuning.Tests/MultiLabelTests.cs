using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Several classes per row as a user meets them: "early" where a row has an early letter, "late" where it has a late one.</summary>
[TestClass]
public sealed class MultiLabelTests
{
    private static TinyTraining s_training = null!;
    private static PTuningV2Transformer s_model = null!;

    private static MLContext Context => s_training.Context;

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        s_training = new TinyTraining();
        s_model = Trainer(epochs: 25).Fit(Context.Data.LoadFromEnumerable(Rows(200)));
    }

    [ClassCleanup]
    public static void Dispose()
    {
        s_model.Dispose();
        s_training.Dispose();
    }

    [TestMethod]
    public void Model_learns_each_class_by_itself()
    {
        var scored = s_model.Transform(Context.Data.LoadFromEnumerable(Rows(80, seed: 1)));

        var metrics = Context.MulticlassClassification.EvaluateMultiLabel(scored);

        Assert.IsGreaterThan(0.8, metrics.MicroF1); // Both classes for every row have 0.67.
        Assert.IsGreaterThan(0.8, metrics.MacroF1);
        CollectionAssert.AreEqual(new[] { "early", "late" }, metrics.PerClass.Keys.ToArray());
        CollectionAssert.AreEqual(new[] { "early", "late" }, s_model.Classes.ToArray());
    }

    [TestMethod]
    public void Predictions_are_the_classes_whose_probability_reaches_the_threshold()
    {
        using var engine = Context.Model.CreatePredictionEngine<Row, Prediction>(s_model);

        foreach (var row in Rows(20, seed: 2))
        {
            var prediction = engine.Predict(row);
            string[] expected = [.. ((string[])["early", "late"]).Where((_, i) => prediction.Score[i] >= 0.5)];
            CollectionAssert.AreEqual(expected, prediction.PredictedLabel);
        }
    }

    [TestMethod]
    public void Booleans_teach_and_are_predicted_like_names()
    {
        var (named, flagged) = (Rows(60), Rows(60).Select(Flagged.Of));
        using var ofNames = Trainer(epochs: 2).Fit(Context.Data.LoadFromEnumerable(named));
        using var ofFlags = Trainer(epochs: 2).Fit(Context.Data.LoadFromEnumerable(flagged));

        var (names, flags) = (ofNames.Transform(Context.Data.LoadFromEnumerable(named)), ofFlags.Transform(Context.Data.LoadFromEnumerable(flagged)));

        float[][] scores = [.. names.GetColumn<float[]>("Score")];
        bool[][] predicted = [.. flags.GetColumn<bool[]>("PredictedLabel")];
        foreach (var (expected, actual) in scores.Zip(flags.GetColumn<float[]>("Score")))
            CollectionAssert.AreEqual(expected, actual);
        foreach (var (score, row) in scores.Zip(predicted))
            CollectionAssert.AreEqual(Array.ConvertAll(score, probability => probability >= 0.5f), row);
        Assert.AreEqual(
            Context.MulticlassClassification.EvaluateMultiLabel(names).MicroF1, Context.MulticlassClassification.EvaluateMultiLabel(flags).MicroF1, 1e-12);
    }

    [TestMethod]
    public void Saved_model_keeps_classes_threshold_and_scores()
    {
        using var strict = Trainer(epochs: 2, threshold: 0.8).Fit(Context.Data.LoadFromEnumerable(Rows(60)));
        var rows = Context.Data.LoadFromEnumerable(Rows(40, seed: 3));
        using var stream = new MemoryStream();
        Context.Model.Save(strict, rows.Schema, stream);
        stream.Position = 0;

        var loaded = Context.Model.Load(stream, out _);

        foreach (var (expected, actual) in Read(strict.Transform(rows)).Zip(Read(loaded.Transform(rows))))
        {
            CollectionAssert.AreEqual(expected.Score, actual.Score);
            CollectionAssert.AreEqual(expected.PredictedLabel, actual.PredictedLabel);
        }
        ((IDisposable)loaded).Dispose();

        static IEnumerable<Prediction> Read(IDataView view) => Context.Data.CreateEnumerable<Prediction>(view, reuseRowObject: false);
    }

    [TestMethod]
    [DataRow(0.0)]
    [DataRow(1.0)]
    [DataRow(double.NaN)]
    public void Threshold_lies_between_0_and_1(double threshold) =>
        Assert.AreEqual("Threshold", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Trainer(epochs: 1, threshold)).ParamName);

    [TestMethod]
    public void Label_of_another_type_is_refused_before_training()
    {
        var data = Context.Data.LoadFromEnumerable([new { Label = "early", Sentence1 = "a" }]);

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Trainer(epochs: 1).GetOutputSchema(SchemaShapes.Of(data.Schema)));

        Assert.Contains("expected a vector of String or a vector of Boolean", refusal.Message);
        Assert.Contains("For one class per row use PTuningV2.", refusal.Message);
    }

    private static PTuningV2Trainer Trainer(int epochs, double threshold = 0.5) =>
        Context.MulticlassClassification.Trainers.PTuningV2MultiLabel(new PTuningV2Trainer.MultiLabelOptions
        {
            Backbone = s_training.Options.Backbone,
            PrefixLength = 4,
            MaxLength = 12,
            MaxEpochs = epochs,
            LearningRate = 2e-2,
            BatchSize = 8,
            Threshold = threshold,
            Seed = 1,
            Advanced = { Shards = 2 },
        });

    private static Row[] Rows(int count, int seed = 0)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var kinds = random.Next(4);
            string[] words =
            [
                .. Enumerable.Range(0, (kinds & 1) * 3).Select(_ => ((char)('a' + random.Next(4))).ToString()),
                .. Enumerable.Range(0, (kinds & 2) / 2 * 3).Select(_ => ((char)('u' + random.Next(4))).ToString()), "m",
            ];
            random.Shuffle(words);
            string[] label = [.. ((string[])["late", "early"]).Where(name => (kinds & (name == "early" ? 1 : 2)) != 0)];
            return new Row { Sentence1 = string.Join(' ', words), Label = label };
        })];
    }

    private sealed class Row
    {
        public string Sentence1 { get; set; } = "";

        public string[] Label { get; set; } = [];
    }

    private sealed class Flagged
    {
        public string Sentence1 { get; set; } = "";

        [VectorType(2)]
        public bool[] Label { get; set; } = [];

        public static Flagged Of(Row row) => new() { Sentence1 = row.Sentence1, Label = [row.Label.Contains("early"), row.Label.Contains("late")] };
    }

    private sealed class Prediction
    {
        public string[] PredictedLabel { get; set; } = [];

        public float[] Score { get; set; } = [];
    }
}
