using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Choosing as a user meets it: the right choice is the one with late letters.</summary>
[TestClass]
public sealed class MultipleChoiceTests
{
    private static TinyTraining s_training = null!;
    private static PTuningV2Transformer s_model = null!;

    private static MLContext Context => s_training.Context;

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        s_training = new TinyTraining();
        s_model = Trainer(epochs: 10).Fit(Context.Data.LoadFromEnumerable(Pairs(100)));
    }

    [ClassCleanup]
    public static void Dispose()
    {
        s_model.Dispose();
        s_training.Dispose();
    }

    [TestMethod]
    public void Model_learns_to_choose_as_ML_NET_measures_it()
    {
        var scored = s_model.Transform(Context.Data.LoadFromEnumerable(Pairs(60, seed: 1)));

        var metrics = Context.MulticlassClassification.Evaluate(scored);

        Assert.IsGreaterThan(0.9, metrics.MicroAccuracy);
        Assert.HasCount(2, metrics.PerClassLogLoss);
        Assert.AreEqual(0, metrics.PerClassLogLoss.Count(double.IsNaN));
    }

    [TestMethod]
    public void Model_is_measured_on_every_fold_whatever_the_number_of_choices()
    {
        var data = Context.Data.LoadFromEnumerable(Rows(90));

        foreach (var fold in Context.Data.CrossValidationSplit(data, numberOfFolds: 3, seed: 1))
        {
            using var model = Trainer(epochs: 8).Fit(fold.TrainSet);
            var scored = model.Transform(fold.TestSet);
            var metrics = Context.MulticlassClassification.EvaluateMultipleChoice(scored);

            int[] right = [.. scored.GetColumn<int>("Label")];
            float[][] scores = [.. scored.GetColumn<float[]>("Score")];
            Assert.AreEqual(right.Length, metrics.Count);
            Assert.AreEqual(right.Zip(scores).Average(row => -Math.Log(Math.Max(row.Second[row.First], 1e-15))), metrics.LogLoss, 1e-9);
            Assert.IsGreaterThan(0.6, metrics.MicroAccuracy); // Guessing has 0.52: the mean of 1, 1/2, 1/3 and 1/4.
        }
    }

    [TestMethod]
    public void Evaluator_agrees_with_ML_NET_on_two_choices()
    {
        var scored = s_model.Transform(Context.Data.LoadFromEnumerable(Pairs(60, seed: 1)));

        var (ours, theirs) = (Context.MulticlassClassification.EvaluateMultipleChoice(scored), Context.MulticlassClassification.Evaluate(scored));

        Assert.AreEqual(theirs.MicroAccuracy, ours.MicroAccuracy, 1e-12);
        Assert.AreEqual(theirs.LogLoss, ours.LogLoss, 1e-6);
    }

    /// <summary>ML.NET numbers a key property from 0 where it reads it, and from 1 where it writes it.</summary>
    [TestMethod]
    public void Predicted_label_is_one_more_than_the_index()
    {
        using var engine = Context.Model.CreatePredictionEngine<Pair, Choice>(s_model, Shared);

        foreach (var row in Pairs(20, seed: 2))
        {
            var choice = engine.Predict(row);
            Assert.AreEqual(choice.Score.Max(), choice.Score[choice.PredictedLabel - 1]);
            Assert.AreEqual(1, choice.Score.Sum(), 1e-5f);
        }
    }

    [TestMethod]
    public void Columns_have_the_size_of_the_choices()
    {
        var schema = s_model.GetOutputSchema(Context.Data.LoadFromEnumerable(Pairs(1)).Schema);
        var variable = s_model.GetOutputSchema(Context.Data.LoadFromEnumerable<Several>([]).Schema);

        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Single, 2), schema["Score"].Type);
        Assert.AreEqual(2ul, ((KeyDataViewType)schema["PredictedLabel"].Type).Count);
        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Single), variable["Score"].Type);
    }

    [TestMethod]
    public void Index_and_key_teach_the_same()
    {
        using var keyed = Trainer(epochs: 1).Fit(Context.Data.LoadFromEnumerable(Pairs(20)));
        using var numbered = Trainer(epochs: 1).Fit(Context.Data.LoadFromEnumerable(Pairs(20).Select(
            pair => new Several { Sentence1 = pair.Sentence1, Choices = pair.Choices, Label = (int)pair.Label })));
        var unseen = Context.Data.LoadFromEnumerable(Pairs(20, seed: 3));

        CollectionAssert.AreEqual(Scores(keyed, unseen), Scores(numbered, unseen));
    }

    [TestMethod]
    public void Rows_of_different_numbers_of_choices_are_learned_and_predicted()
    {
        using var model = Trainer(epochs: 10).Fit(Context.Data.LoadFromEnumerable(Rows(100)));
        var unseen = Rows(40, seed: 1);

        var chosen = Choose(unseen, model);

        CollectionAssert.AreEqual(unseen.Select(row => row.Choices.Length).ToArray(), chosen.Select(c => c.Score.Length).ToArray());
        Assert.IsGreaterThan(0.8, chosen.Zip(unseen).Average(row => row.First.PredictedLabel == row.Second.Label + 1 ? 1.0 : 0));
    }

    [TestMethod]
    public void Row_without_choices_has_no_best_one()
    {
        Several none = new() { Sentence1 = "a" };
        using var engine = Context.Model.CreatePredictionEngine<Several, Choice>(s_model, Shared);

        foreach (var choice in new[] { engine.Predict(none), Choose([.. Rows(3), none])[^1], Choose([none, none])[^1] })
            Assert.AreEqual((0u, 0), (choice.PredictedLabel, choice.Score?.Length ?? 0));
    }

    [TestMethod]
    public void Rows_without_label_or_choices_are_skipped_and_counted()
    {
        Several[] rows =
        [
            .. Rows(20),
            new() { Sentence1 = "a", Choices = ["b", "c"], Label = -1 },
            new() { Sentence1 = "a", Choices = [], Label = 0 },
        ];

        using var model = Trainer(epochs: 1).Fit(Context.Data.LoadFromEnumerable(rows));

        Assert.AreEqual((20, 2), (model.Summary!.RowsUsed, model.Summary.RowsSkipped));
    }

    [TestMethod]
    public void Keys_that_stand_for_values_are_refused()
    {
        var data = Context.Data.LoadFromEnumerable(Rows(20));
        var mapped = Context.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Trainer(epochs: 1).Fit(mapped));

        Assert.AreEqual("Label", refusal.ParamName);
        Assert.Contains("numbered in the order in which they are met", refusal.Message);
    }

    [TestMethod]
    public void Named_arguments_name_the_columns()
    {
        var shape = Context.MulticlassClassification.Trainers
            .PTuningV2MultipleChoice("Label", "Sentence1", "Choices", scoreColumnName: "S", predictedLabelColumnName: "P")
            .GetOutputSchema(SchemaShapes.Of(Context.Data.LoadFromEnumerable(Pairs(1)).Schema));

        CollectionAssert.IsSubsetOf(new[] { "S", "P" }, shape.Select(c => c.Name).ToArray());
    }

    [TestMethod]
    public void Label_of_another_type_is_refused_by_its_name()
    {
        var options = Options(epochs: 1);
        options.LabelColumnName = "Sentence1";

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => Context.MulticlassClassification.Trainers.PTuningV2MultipleChoice(options).Fit(Context.Data.LoadFromEnumerable(Pairs(5))));

        Assert.AreEqual("Sentence1", refusal.ParamName);
        Assert.Contains("expected a key or a scalar Int32. Give the index of the right choice, from 0", refusal.Message);
    }

    [TestMethod]
    public void Choices_that_are_one_text_are_refused()
    {
        var options = Options(epochs: 1);
        options.ChoicesColumnName = "Sentence1";

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => Context.MulticlassClassification.Trainers.PTuningV2MultipleChoice(options).Fit(Context.Data.LoadFromEnumerable(Pairs(5))));

        Assert.Contains("expected a vector of String. Give the choices of a row as a vector of text.", refusal.Message);
    }

    [TestMethod]
    public void Saved_model_gives_the_same_scores()
    {
        using var folder = new TemporaryDirectory();
        var data = Context.Data.LoadFromEnumerable(Pairs(30, seed: 4));

        Context.Model.Save(s_model, data.Schema, folder.File("model.zip"));
        var loaded = new MLContext().Model.Load(folder.File("model.zip"), out _);

        CollectionAssert.AreEqual(Scores(s_model, data), Scores(loaded, data));
        ((IDisposable)loaded).Dispose();
    }

    private static PredictionEngineOptions Shared => new() { OwnsTransformer = false };

    private static Choice[] Choose(IEnumerable<Several> rows, PTuningV2Transformer? model = null) =>
        [.. Context.Data.CreateEnumerable<Choice>((model ?? s_model).Transform(Context.Data.LoadFromEnumerable(rows)), reuseRowObject: false)];

    private static float[] Scores(ITransformer model, IDataView data) =>
        [.. model.Transform(data).GetColumn<float[]>("Score").SelectMany(scores => scores)];

    private static PTuningV2Trainer.MultipleChoiceOptions Options(int epochs) => new()
    {
        Backbone = s_training.Options.Backbone,
        PrefixLength = 4,
        MaxLength = 12,
        LearningRate = 0.05,
        BatchSize = 8,
        MaxEpochs = epochs,
        PrefixDropout = 0,
        HeadDropout = 0,
        Seed = 1,
        Advanced = { Shards = 2 },
    };

    private static PTuningV2Trainer Trainer(int epochs) => Context.MulticlassClassification.Trainers.PTuningV2MultipleChoice(Options(epochs));

    private static Pair[] Pairs(int rows, int seed = 0) =>
        [.. Draw(rows, seed, _ => 2).Select(row => new Pair { Sentence1 = row.Sentence1, Choices = row.Choices, Label = (uint)row.Label })];

    /// <summary>Rows of 1 to 4 choices.</summary>
    private static Several[] Rows(int rows, int seed = 0) => Draw(rows, seed, random => random.Next(1, 5));

    private static Several[] Draw(int rows, int seed, Func<Random, int> choices)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, rows).Select(_ =>
        {
            var count = choices(random);
            var right = random.Next(count);
            return new Several
            {
                Sentence1 = Letters(random, 'h', 2),
                Choices = [.. Enumerable.Range(0, count).Select(i => Letters(random, i == right ? 'u' : 'a', random.Next(2, 6)))],
                Label = right,
            };
        })];
    }

    private static string Letters(Random random, char first, int count) =>
        string.Join(' ', Enumerable.Range(0, count).Select(_ => (char)(first + random.Next(2))));

    private sealed class Pair
    {
        public string Sentence1 { get; set; } = "";

        [VectorType(2)]
        public string[] Choices { get; set; } = ["", ""];

        [KeyType(2)]
        public uint Label { get; set; }
    }

    private sealed class Several
    {
        public string Sentence1 { get; set; } = "";

        public string[] Choices { get; set; } = [];

        public int Label { get; set; }
    }

    private sealed class Choice
    {
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];
    }
}
