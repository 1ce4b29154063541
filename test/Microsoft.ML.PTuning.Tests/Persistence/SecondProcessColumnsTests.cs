using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests.Persistence;

/// <summary>
/// Guards the columns of each task in a process that names nothing but <see cref="MLContext"/>: names, types, annotations, values,
/// of all rows at once and of the first ones singly. Multiclass classification has <see cref="SecondProcessTests"/>.
/// </summary>
[TestClass]
public sealed class SecondProcessColumnsTests
{
    private readonly TemporaryDirectory _folder = new();

    [TestCleanup]
    public void Delete() => _folder.Dispose();

    [TestMethod]
    public void Decisions_are_the_same_in_a_second_process()
    {
        using var training = new TinyTraining();
        var data = training.Context.Data.LoadFromEnumerable(
            TinyTraining.Texts(40).Select(row => new DecidedText { Text = row.Text, Label = row.Label == "late" }));
        using var model = training.Context.BinaryClassification.Trainers.PTuningV2(training.Options.As<PTuningV2Trainer.BinaryOptions>()).Fit(data);

        var scored = AssertSameInSecondProcess<Decision>(model, data, TaskRows.Decisions);

        Assert.AreEqual(Auc(model.Transform(data)), Auc(scored), 1e-9);

        double Auc(IDataView rows) => training.Context.BinaryClassification.Evaluate(rows).AreaUnderRocCurve;
    }

    [TestMethod]
    public void Ratings_are_the_same_in_a_second_process()
    {
        using var training = new TinyTraining();
        var data = training.Context.Data.LoadFromEnumerable(TinyTraining.Ratings(40, scale: 5, shift: 2));
        using var model = training.Context.Regression.Trainers.PTuningV2(training.Options.As<PTuningV2Trainer.RegressionOptions>()).Fit(data);

        var scored = AssertSameInSecondProcess<Rating>(model, data, TaskRows.Ratings);

        Assert.AreEqual(RSquared(model.Transform(data)), RSquared(scored), 1e-5);

        double RSquared(IDataView rows) => training.Context.Regression.Evaluate(rows).RSquared;
    }

    [TestMethod]
    [DataRow(null)]
    [DataRow(nameof(TaggedLetters.Predicate))]
    public void Tags_are_the_same_in_a_second_process(string? predicate)
    {
        using var tagging = new TinyTagging();
        var data = tagging.Keyed(TinyTagging.Sentences(40));
        var options = tagging.Options(epochs: 4);
        options.PredicateColumnName = predicate;
        using var model = tagging.Trainer(options).Fit(data);

        var scored = AssertSameInSecondProcess<TaggedWords>(model, data, TaskRows.Tags);

        Assert.AreEqual(
            tagging.Context.MulticlassClassification.EvaluateNamedEntityRecognition(model.Transform(data)).MicroF1,
            tagging.Context.MulticlassClassification.EvaluateNamedEntityRecognition(scored).MicroF1);
    }

    [TestMethod]
    public void Choices_are_the_same_in_a_second_process()
    {
        using var training = new TinyTraining();
        var data = training.Context.Data.LoadFromEnumerable(Enumerable.Range(0, 20).Select(row =>
            new ChoiceRow { Choices = [$"{(char)('a' + row)}", "b", "c d"], Label = row % 3 }));
        var options = new PTuningV2Trainer.MultipleChoiceOptions { Backbone = training.Options.Backbone, PrefixLength = 4, MaxLength = 12, MaxEpochs = 1 };
        using var model = training.Context.MulticlassClassification.Trainers.PTuningV2MultipleChoice(options).Fit(data);

        AssertSameInSecondProcess<Classified>(model, data, TaskRows.Choices);
    }

    [TestMethod]
    public void Answers_are_the_same_in_a_second_process()
    {
        using var training = new TinyTraining();
        var data = training.Context.Data.LoadFromEnumerable(Enumerable.Range(0, 30).Select(row =>
        {
            var context = $"{string.Concat(Enumerable.Repeat("a b c ", row))}x d";
            return new AnsweredQuestion { Context = context, TrainingAnswer = row % 5 == 0 ? "" : "x", AnswerIndex = row % 5 == 0 ? -1 : context.IndexOf('x') };
        }));
        var options = new PTuningV2Trainer.QuestionAnswerOptions
        {
            Backbone = training.Options.Backbone, PrefixLength = 4, MaxLength = 12, DocumentStride = 2, MaxEpochs = 2,
        };
        using var model = training.Context.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(options).Fit(data);

        var scored = AssertSameInSecondProcess<Answered>(model, data, TaskRows.Answers);

        var (here, there) = (Metrics(model.Transform(data)), Metrics(scored));
        Assert.AreEqual((here.F1, here.ExactMatch, here.Count), (there.F1, there.ExactMatch, there.Count));

        QuestionAnswerMetrics Metrics(IDataView rows) => training.Context.MulticlassClassification.EvaluateQuestionAnswer(rows);
    }

    [TestMethod]
    [DataRow("gpt2")]
    [DataRow("bart")]
    [DataRow("glm")]
    [DataRow("chatglm")]
    public void Texts_are_the_same_in_a_second_process(string family)
    {
        using var writer = new TinyWriter(family);
        var data = writer.Context.Data.LoadFromEnumerable(TinyWriter.Pairs(20));
        using var model = writer.Trainer(writer.Options()).Fit(data);

        var scored = AssertSameInSecondProcess<Written>(model, data, TaskRows.Texts);

        var (here, there) = (Metrics(model.Transform(data)), Metrics(scored));
        Assert.AreEqual((here.Bleu, here.RougeL, here.Count), (there.Bleu, there.RougeL, there.Count));

        TextGenerationMetrics Metrics(IDataView rows) => writer.Context.MulticlassClassification.EvaluateText(rows);
    }

    [TestMethod]
    [DataRow("gpt2")]
    [DataRow("bart")]
    [DataRow("glm")]
    [DataRow("chatglm")]
    public void Decisions_of_language_models_are_the_same_in_a_second_process(string family)
    {
        using var writer = new TinyWriter(family);
        var data = writer.Context.Data.LoadFromEnumerable(
            TinyWriter.Pairs(20).Select(pair => new DecidedText { Text = pair.Text, Label = pair.Label == "x" }));
        var options = new PTuningV2Trainer.BinaryOptions
        {
            Backbone = writer.Path, Sentence1ColumnName = "Text", PrefixLength = 3, MaxLength = 24, MaxEpochs = 1, Seed = 1,
        };
        using var model = writer.Context.BinaryClassification.Trainers.PTuningV2(options).Fit(data);

        AssertSameInSecondProcess<Decision>(model, data, TaskRows.Decisions);
    }

    // Gives back the rows as the second process scored them.
    private IDataView AssertSameInSecondProcess<TPrediction>(ITransformer model, IDataView data, string task)
        where TPrediction : class, new()
    {
        var mlContext = new MLContext();
        mlContext.Model.Save(model, data.Schema, _folder.File("model.zip"));
        using (var rows = File.Create(_folder.File("rows.idv")))
            mlContext.Data.SaveAsBinary(data, rows);

        var second = SecondProcess.Run(_folder.File("model.zip"), _folder.File("rows.idv"), _folder.File("scored.idv"), task);

        Assert.AreEqual(0, second.ExitCode, second.Output + second.Errors);
        var expected = model.Transform(data);
        var scored = mlContext.Data.LoadFromBinary(_folder.File("scored.idv"));
        AssertSameColumns(expected, scored);
        var predictions = mlContext.Data.CreateEnumerable<TPrediction>(mlContext.Data.TakeRows(expected, TaskRows.Singly), reuseRowObject: false);
        AssertSame(JsonSerializer.SerializeToElement(predictions), JsonElement.Parse(second.Output));
        return scored;
    }

    private static void AssertSame(JsonElement expected, JsonElement actual)
    {
        switch (expected.ValueKind)
        {
            case JsonValueKind.Array:
                Assert.AreEqual(expected.GetArrayLength(), actual.GetArrayLength());
                foreach (var (one, other) in expected.EnumerateArray().Zip(actual.EnumerateArray()))
                    AssertSame(one, other);
                break;
            case JsonValueKind.Object:
                foreach (var property in expected.EnumerateObject())
                    AssertSame(property.Value, actual.GetProperty(property.Name));
                break;
            case JsonValueKind.Number:
                Assert.AreEqual(expected.GetDouble(), actual.GetDouble(), 1e-5);
                break;
            default:
                Assert.AreEqual(expected.ToString(), actual.ToString());
                break;
        }
    }

    private static void AssertSameColumns(IDataView expected, IDataView actual)
    {
        CollectionAssert.AreEqual(expected.Schema.Select(Describe).ToArray(), actual.Schema.Select(Describe).ToArray());

        var (rows, others) = (expected.Preview(int.MaxValue).RowView, actual.Preview(int.MaxValue).RowView);
        Assert.HasCount(rows.Length, others);
        foreach (var (row, other) in rows.Zip(others))
            foreach (var (value, found) in row.Values.Zip(other.Values))
                AssertSame(value.Key, [.. Items(value.Value)], [.. Items(found.Value)]);
    }

    private static string Describe(DataViewSchema.Column column) =>
        $"{column.Name}: {column.Type} [{string.Join(", ", column.Annotations.Schema.Select(a => $"{a.Name}: {a.Type}").Order())}]";

    private static void AssertSame(string column, object[] expected, object[] actual)
    {
        Assert.HasCount(expected.Length, actual, column);
        foreach (var (one, other) in expected.Zip(actual))
        {
            if (one is float number)
                Assert.AreEqual(number, (float)other, 1e-5f, column);
            else
                Assert.AreEqual(one.ToString(), other.ToString(), column);
        }
    }

    private static IEnumerable<object> Items(object value) => value switch
    {
        VBuffer<float> numbers => numbers.DenseValues().Cast<object>(),
        VBuffer<int> numbers => numbers.DenseValues().Cast<object>(),
        VBuffer<uint> keys => keys.DenseValues().Cast<object>(),
        VBuffer<ReadOnlyMemory<char>> texts => texts.DenseValues().Cast<object>(),
        _ => [value],
    };

    private sealed class DecidedText
    {
        public string Text { get; set; } = "";

        public bool Label { get; set; }
    }

    private sealed class ChoiceRow
    {
        public string Sentence1 { get; set; } = "a b";

        public string[] Choices { get; set; } = [];

        public int Label { get; set; }
    }

    private sealed class AnsweredQuestion
    {
        public string Question { get; set; } = "x";

        public string Context { get; set; } = "";

        public string TrainingAnswer { get; set; } = "";

        public int AnswerIndex { get; set; }
    }
}
