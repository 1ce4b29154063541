using System.Reflection;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Question answering from the catalog to saved models and metrics, on a tiny encoder: the answer is the x among early letters.</summary>
[TestClass]
public sealed class QuestionAnswerTests
{
    private static readonly TinyTraining Training = new();
    private static PTuningV2Transformer s_answering = null!;
    private static PTuningV2Transformer s_refusing = null!;

    private static MLContext Context => Training.Context;

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        s_answering = Fit(Rows(120));
        s_refusing = Fit(Rows(120, unanswerable: true));
    }

    [ClassCleanup]
    public static void Delete()
    {
        s_answering.Dispose();
        s_refusing.Dispose();
        Training.Dispose();
    }

    [TestMethod]
    public void Model_learns_where_the_answer_stands() => Assert.IsGreaterThan(0.9, Metrics(s_answering, Rows(60, seed: 7)).ExactMatch);

    [TestMethod]
    public void Model_learns_that_there_is_no_answer()
    {
        var metrics = Metrics(s_refusing, Rows(60, seed: 7, unanswerable: true));

        Assert.IsGreaterThan(0.8, metrics.Answerable!.ExactMatch);
        Assert.IsGreaterThan(0.8, metrics.Unanswerable!.ExactMatch);
    }

    [TestMethod]
    public void Answers_are_slices_of_the_context_where_they_start()
    {
        var rows = Rows(30, seed: 7, unanswerable: true);

        foreach (var (row, answers) in rows.Zip(Predict(s_refusing, rows)))
        {
            Assert.IsTrue(answers.Answer.Length is >= 1 and <= 3);
            Assert.HasCount(answers.Answer.Length, answers.Score);
            foreach (var (answer, start) in answers.Answer.Zip(answers.AnswerStart))
                Assert.AreEqual(answer, start < 0 ? "" : row.Context.Substring(start, answer.Length));
        }
    }

    [TestMethod]
    public void Empty_answer_is_given_where_it_scores_more_than_the_threshold()
    {
        foreach (var answers in Predict(s_refusing, Rows(60, seed: 7, unanswerable: true)))
            Assert.AreEqual(answers.NoAnswerScore > 0, answers.Answer[0] == "");
    }

    [TestMethod]
    public void Probabilities_fall_and_sum_to_one_at_most()
    {
        foreach (var answers in Predict(s_refusing, Rows(60, seed: 7, unanswerable: true)))
        {
            CollectionAssert.AreEqual(answers.Score.OrderDescending().ToArray(), answers.Score);
            Assert.IsLessThanOrEqualTo(1 + 1e-5f, answers.Score.Sum());
        }
    }

    [TestMethod]
    public void Context_of_five_thousand_words_is_answered_to_its_end()
    {
        var early = string.Join(' ', Enumerable.Range(0, 4998).Select(i => (char)('a' + i % 5)));
        Question row = new() { Context = early + " x b" };

        var answers = Predict(s_answering, [row]).Single();

        Assert.AreEqual("x", answers.Answer[0]);
        Assert.AreEqual(row.Context.Length - 3, answers.AnswerStart[0]);
    }

    [TestMethod]
    [DataRow("", "q")]
    [DataRow(" \t\n", "q")]
    [DataRow("", "")]
    public void Context_without_words_is_answered_by_nothing(string context, string question)
    {
        foreach (var model in new[] { s_answering, s_refusing })
        {
            var answers = Predict(model, [new Question { Context = context, Asked = question }]).Single();

            CollectionAssert.AreEqual(new[] { "" }, answers.Answer);
            CollectionAssert.AreEqual(new[] { -1 }, answers.AnswerStart);
            CollectionAssert.AreEqual(new[] { 1f }, answers.Score);
        }
    }

    [TestMethod]
    public void Question_without_words_is_answered() =>
        Assert.AreEqual("x", Predict(s_answering, [new Question { Context = "a b x c", Asked = "" }]).Single().Answer[0]);

    [TestMethod]
    public void Prediction_engine_answers_as_the_view_does()
    {
        PredictionEngineOptions options = new() { OwnsTransformer = false };
        using var engine = Context.Model.CreatePredictionEngine<Question, Answers>(s_refusing, options);
        var rows = Rows(10, seed: 7, unanswerable: true);

        foreach (var (row, expected) in rows.Zip(Predict(s_refusing, rows)))
        {
            var answers = engine.Predict(row);
            CollectionAssert.AreEqual(expected.Answer, answers.Answer);
            CollectionAssert.AreEqual(expected.AnswerStart, answers.AnswerStart);
            Assert.AreEqual(expected.NoAnswerScore, answers.NoAnswerScore, 1e-4);
        }
    }

    [TestMethod]
    public void Saved_and_loaded_model_gives_the_same_answers_and_metrics()
    {
        var rows = Rows(60, seed: 7, unanswerable: true);
        using var stream = new MemoryStream();
        Context.Model.Save(s_refusing, View(rows).Schema, stream);
        var loaded = new MLContext().Model.Load(new MemoryStream(stream.ToArray()), out _);
        using var owned = (IDisposable)loaded;

        foreach (var (expected, actual) in Predict(s_refusing, rows).Zip(Predict(loaded, rows)))
        {
            CollectionAssert.AreEqual(expected.Answer, actual.Answer);
            CollectionAssert.AreEqual(expected.Score, actual.Score);
            CollectionAssert.AreEqual(expected.AnswerStart, actual.AnswerStart);
        }
        var (before, after) = (Metrics(s_refusing, rows), Metrics(loaded, rows));
        Assert.AreEqual((before.ExactMatch, before.F1, before.Count), (after.ExactMatch, after.F1, after.Count));
    }

    [TestMethod]
    public void Validation_measures_what_the_evaluator_measures()
    {
        var validation = Rows(40, seed: 9, unanswerable: true);
        var options = Options();
        (options.ValidationSet, options.MaxEpochs) = (View(validation), 2);

        using var model = Context.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(options).Fit(View(Rows(40, unanswerable: true)));

        var best = model.Summary!.Epochs[model.Summary.BestEpoch - 1];
        Assert.AreEqual("F1", best.MetricName);
        Assert.AreEqual(Metrics(model, validation).F1, best.ValidationMetric!.Value, 1e-12);
    }

    [TestMethod]
    public void Misaligned_rows_are_counted_and_not_thrown()
    {
        Question[] misaligned = [new() { Context = "a b x", Answer = "x", Index = 2 }, new() { Context = "a b x", Answer = "x", Index = 99 }];
        Question[] rows = [.. Rows(20), .. misaligned];
        var options = Options();
        options.ValidationSet = View(rows);

        using var model = Context.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(options).Fit(View(rows));

        Assert.AreEqual(2, model.Summary!.RowsMisaligned);
        Assert.AreEqual(0, model.Summary.RowsSkipped);
    }

    [TestMethod]
    public void Data_without_any_answer_is_refused() =>
        Assert.Contains("None of the 3 training rows has an answer to learn from", Assert.ThrowsExactly<InvalidOperationException>(
            () => Fit([.. Rows(3).Select(row => new Question { Context = row.Context })])).Message);

    [TestMethod]
    [DataRow("Context", "context")]
    [DataRow("Question", "question")]
    [DataRow("TrainingAnswer", "answer")]
    [DataRow("AnswerIndex", "answer index")]
    public void Missing_column_is_refused_by_its_name(string column, string role)
    {
        var data = Context.Transforms.DropColumns(column).Fit(View(Rows(3))).Transform(View(Rows(3)));

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => Context.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(Options()).Fit(data));

        Assert.AreEqual(column, refusal.ParamName);
        Assert.Contains($"The {role} column '{column}' is missing", refusal.Message);
    }

    [TestMethod]
    public void Answer_index_of_another_type_is_refused()
    {
        var data = Context.Transforms.Conversion.ConvertType("AnswerIndex", outputKind: DataKind.Single).Fit(View(Rows(3))).Transform(View(Rows(3)));

        var refusal = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => Context.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(Options()).Fit(data));

        Assert.Contains("expected a scalar Int32", refusal.Message);
        Assert.Contains("convert it to Int32", refusal.Message);
    }

    [TestMethod]
    public void Overlap_of_a_whole_window_is_refused_before_training()
    {
        var options = Options();
        options.DocumentStride = 5;

        var refusal = Assert.ThrowsExactly<InvalidOperationException>(
            () => Context.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(options).Fit(View(Rows(3))));

        Assert.Contains("Use a DocumentStride of 4 or less", refusal.Message);
    }

    [TestMethod]
    public void Named_arguments_reach_training()
    {
        var data = View(Rows(10));

        using var model = Context.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(
            predictedAnswerColumnName: "A", scoreColumnName: "S", topK: 30,
            backbone: "mini-cased", prefixLength: 2, batchSize: 5, maxEpochs: 2, validationSet: data).Fit(data);

        Assert.HasCount(2, model.Summary!.Epochs);
        Assert.AreEqual(2 * 4 * 2 * 256 + 2 * 256 + 2, model.Summary.TrainedParameters); // P·2LH, then the head's weights and biases.
        Assert.IsNotNull(model.GetOutputSchema(data.Schema).GetColumnOrNull("S"));
        Assert.IsGreaterThan(20, model.Transform(data).GetColumn<string[]>("A").Max(answers => answers.Length));
    }

    [TestMethod]
    public void Shape_agrees_with_the_real_schema()
    {
        var data = View(Rows(12));

        var shape = Context.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(Options()).GetOutputSchema(SchemaShapes.Of(data.Schema));
        var real = SchemaShapes.Of(s_answering.GetOutputSchema(data.Schema));

        CollectionAssert.AreEquivalent(real.Select(Describe).ToArray(), shape.Select(Describe).ToArray());
    }

    [TestMethod]
    public void Trains_in_a_pipeline_that_goes_on()
    {
        var pipeline = Context.Transforms.CopyColumns("Passage", "Context")
            .Append(Context.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(With(o => o.ContextColumnName = "Passage")))
            .Append(Context.Transforms.CopyColumns("Found", "Answer"));

        var model = pipeline.Fit(View(Rows(12)));

        Assert.HasCount(12, model.Transform(View(Rows(12))).GetColumn<string[]>("Found").ToArray());
        ((IDisposable)model).Dispose();
    }

    [TestMethod]
    public void Scoring_needs_context_and_question_alone()
    {
        var data = Context.Transforms.SelectColumns("Context", "Question").Fit(View(Rows(5))).Transform(View(Rows(5)));

        Assert.HasCount(5, s_answering.Transform(data).GetColumn<string[]>("Answer").ToArray());
    }

    private static PTuningV2Trainer.QuestionAnswerOptions Options() => new()
    {
        Backbone = Training.Options.Backbone,
        PrefixLength = 4,
        MaxLength = 12,
        DocumentStride = 4,
        LearningRate = 0.03,
        BatchSize = 8,
        MaxEpochs = 1,
        Seed = 1,
        Advanced = { Shards = 2 },
    };

    private static PTuningV2Trainer.QuestionAnswerOptions With(Action<PTuningV2Trainer.QuestionAnswerOptions> change)
    {
        var options = Options();
        change(options);
        return options;
    }

    private static PTuningV2Transformer Fit(Question[] rows)
    {
        var options = With(o => (o.MaxEpochs, o.PrefixDropout, o.LearningRate) = (40, 0, 0.05));
        return Context.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(options).Fit(View(rows));
    }

    /// <summary>Contexts of 2 to 15 letters: one or two windows.</summary>
    private static Question[] Rows(int count, int seed = 0, bool unanswerable = false)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(row =>
        {
            char[] letters = [.. Enumerable.Range(0, random.Next(2, 16)).Select(_ => (char)('a' + random.Next(5)))];
            var place = random.Next(letters.Length);
            if (unanswerable && row % 2 == 0)
                return new Question { Context = string.Join(' ', letters) };

            letters[place] = 'x';
            return new Question { Context = string.Join(' ', letters), Answer = "x", Index = 2 * place };
        })];
    }

    private static IDataView View(Question[] rows) => Context.Data.LoadFromEnumerable(rows);

    private static Answers[] Predict(ITransformer model, Question[] rows) =>
        [.. Context.Data.CreateEnumerable<Answers>(model.Transform(View(rows)), reuseRowObject: false)];

    private static QuestionAnswerMetrics Metrics(ITransformer model, Question[] rows) =>
        Context.MulticlassClassification.EvaluateQuestionAnswer(model.Transform(View(rows)));

    private static string Describe(SchemaShape.Column column)
    {
        var field = typeof(SchemaShape.Column).GetField("Annotations", BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)!;
        var annotations = ((SchemaShape)field.GetValue(column)!).Select(Describe).Order();
        return $"{column.Name}: {column.Kind} {(column.IsKey ? "key " : "")}{column.ItemType} [{string.Join(", ", annotations)}]";
    }

    private sealed class Question
    {
        public string Context { get; set; } = "";

        [ColumnName("Question")]
        public string Asked { get; set; } = "q";

        [ColumnName("TrainingAnswer")]
        public string Answer { get; set; } = "";

        [ColumnName("AnswerIndex")]
        public int Index { get; set; } = -1;
    }

    private sealed class Answers
    {
        public string[] Answer { get; set; } = [];

        public float[] Score { get; set; } = [];

        public int[] AnswerStart { get; set; } = [];

        public float NoAnswerScore { get; set; }
    }
}
