using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests.Persistence;

/// <summary>Guards the columns of each task in a process that names nothing but <see cref="MLContext"/>: names, types, annotations, values.</summary>
[TestClass]
[TestCategory("Slow")]
public sealed class SecondProcessColumnsTests
{
    private readonly TemporaryDirectory _folder = new();

    [TestCleanup]
    public void Delete() => _folder.Dispose();

    [TestMethod]
    public void Tags_are_the_same_in_a_second_process()
    {
        using var tagging = new TinyTagging();
        var data = tagging.Keyed(TinyTagging.Sentences(40));
        using var model = tagging.Trainer(tagging.Options(epochs: 4)).Fit(data);

        var scored = ScoreInSecondProcess(model, data);

        AssertSameColumns(model.Transform(data), scored);
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

        AssertSameColumns(model.Transform(data), ScoreInSecondProcess(model, data));
    }

    [TestMethod]
    public void Answers_are_the_same_in_a_second_process()
    {
        using var training = new TinyTraining();
        var data = training.Context.Data.LoadFromEnumerable(Enumerable.Range(0, 30).Select(row =>
        {
            var context = $"{string.Concat(Enumerable.Repeat("a b c ", row))}x d";
            return new QuestionRow { Context = context, TrainingAnswer = row % 5 == 0 ? "" : "x", AnswerIndex = row % 5 == 0 ? -1 : context.IndexOf('x') };
        }));
        var options = new PTuningV2Trainer.QuestionAnswerOptions
        {
            Backbone = training.Options.Backbone, PrefixLength = 4, MaxLength = 12, DocumentStride = 2, MaxEpochs = 2,
        };
        using var model = training.Context.MulticlassClassification.Trainers.PTuningV2QuestionAnswer(options).Fit(data);

        var scored = ScoreInSecondProcess(model, data);

        AssertSameColumns(model.Transform(data), scored);
        var (here, there) = (Metrics(model.Transform(data)), Metrics(scored));
        Assert.AreEqual((here.F1, here.ExactMatch, here.Count), (there.F1, there.ExactMatch, there.Count));

        QuestionAnswerMetrics Metrics(IDataView rows) => training.Context.MulticlassClassification.EvaluateQuestionAnswer(rows);
    }

    private IDataView ScoreInSecondProcess(ITransformer model, IDataView data)
    {
        var mlContext = new MLContext();
        mlContext.Model.Save(model, data.Schema, _folder.File("model.zip"));
        using (var rows = File.Create(_folder.File("rows.idv")))
            mlContext.Data.SaveAsBinary(data, rows);

        var second = SecondProcess.Run(_folder.File("model.zip"), _folder.File("rows.idv"), _folder.File("scored.idv"));

        Assert.AreEqual(0, second.ExitCode, second.Output + second.Errors);
        return mlContext.Data.LoadFromBinary(_folder.File("scored.idv"));
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

    private sealed class ChoiceRow
    {
        public string Sentence1 { get; set; } = "a b";

        public string[] Choices { get; set; } = [];

        public int Label { get; set; }
    }

    private sealed class QuestionRow
    {
        public string Question { get; set; } = "x";

        public string Context { get; set; } = "";

        public string TrainingAnswer { get; set; } = "";

        public int AnswerIndex { get; set; }
    }
}
