using Microsoft.ML.PTuning.Tests.Methods;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Every method and task over the families whose decoder reads something, too.</summary>
[TestClass]
public sealed class DecoderFamiliesTests
{
    private const int Rows = 24;

    /// <summary>The methods that begin with the classes' names or words of the tickets do so over any family.</summary>
    public static IEnumerable<object[]> Methods =>
        from family in (string[])["gpt2", "bart", "glm", "chatglm"]
        from method in TuningMethods.All.Keys
        select new object[] { family, method };

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Classes_are_the_same_row_by_row_after_saving_and_in_a_shared_batch(string family, string method)
    {
        using var writer = new TinyWriter(family);
        var data = Tickets.Keyed(writer.Context, Tickets.Rows(Rows));
        var options = new PTuningV2Trainer.MulticlassOptions
        {
            Backbone = writer.Path, Sentence1ColumnName = "Text", MaxLength = 24, MaxEpochs = 1, Seed = 1, Method = TuningMethods.All[method],
            Advanced = { Shards = 2 },
        };
        if (options.Method is null)
            options.PrefixLength = 3;
        using var model = writer.Context.MulticlassClassification.Trainers.PTuningV2(options).Fit(data);
        using var saved = new MemoryStream();
        model.SaveTo(saved);
        saved.Position = 0;
        using var loaded = PTuningV2Transformer.LoadFrom(writer.Context, saved);
        using var engine = writer.Context.Model.CreatePredictionEngine<Ticket, TopicScores>(model);
        using var predictor = new PTuningV2MultiTaskPredictor(writer.Context);
        predictor.Add("one", model);
        predictor.Add("two", loaded);

        var together = Scores.Read(writer.Context, model.Transform(data));
        var again = Scores.Read(writer.Context, loaded.Transform(data));
        var rows = Tickets.Rows(Rows).ToArray();
        for (var row = 0; row < Rows; row++)
        {
            AreClose(together[row].Score, again[row].Score);
            AreClose(together[row].Score, engine.Predict(rows[row]).Score);
        }
        Task<TopicScores>[] answers = [.. rows.SelectMany(row => ((string[])["one", "two"]).Select(name => predictor.PredictAsync<Ticket, TopicScores>(name, row)))];
        Task.WaitAll(answers);
        for (var i = 0; i < answers.Length; i++)
            AreClose(together[i / 2].Score, answers[i].Result.Score);
    }

    [TestMethod]
    [DataRow("gpt2")]
    [DataRow("bart")]
    [DataRow("glm")]
    [DataRow("chatglm")]
    public void Tags_answers_choices_and_numbers_are_learned(string family)
    {
        using var writer = new TinyWriter(family);
        var trainers = writer.Context.MulticlassClassification.Trainers;
        var data = writer.Context.Data.LoadFromEnumerable(Enumerable.Range(0, Rows).Select(row => new Mixed
        {
            Text = row % 2 == 0 ? "ab ab x" : "cd x", Context = row % 2 == 0 ? "ab x cd" : "cd x", AnswerIndex = 3, Rating = row % 2,
            Words = row % 2 == 0 ? ["ab", "x"] : ["cd", "x", "x"], Spans = row % 2 == 0 ? ["X 0 2"] : [],
        }));

        foreach (var trainer in (PTuningV2Trainer[])
            [
                trainers.PTuningV2NamedEntityRecognition(Set(new PTuningV2Trainer.NamedEntityOptions { LabelColumnName = "Spans", Sentence1ColumnName = "Text" })),
                trainers.PTuningV2QuestionAnswer(Set(new PTuningV2Trainer.QuestionAnswerOptions { DocumentStride = 2 })),
                trainers.PTuningV2MultipleChoice(Set(new PTuningV2Trainer.MultipleChoiceOptions { LabelColumnName = "Index", Sentence1ColumnName = "Text" })),
                writer.Context.Regression.Trainers.PTuningV2(Set(new PTuningV2Trainer.RegressionOptions { LabelColumnName = "Rating", Sentence1ColumnName = "Text" })),
            ])
        {
            using var model = trainer.Fit(data);
            Assert.HasCount(Rows, model.Transform(data).Preview(Rows).RowView);
            Assert.IsTrue(model.Summary!.Epochs.All(epoch => double.IsFinite(epoch.Loss)));
        }

        T Set<T>(T options)
            where T : PTuningV2Trainer.Options
        {
            (options.Backbone, options.PrefixLength, options.MaxLength, options.MaxEpochs, options.Seed) = (writer.Path, 3, 24, 2, 1);
            return options;
        }
    }

    private static void AreClose(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (var i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], 1e-5);
    }

    private sealed class Mixed
    {
        public string Text { get; set; } = "";

        public string Question { get; set; } = "x";

        public string Context { get; set; } = "";

        public string TrainingAnswer { get; set; } = "x";

        public int AnswerIndex { get; set; }

        public string[] Choices { get; set; } = ["ab", "cd"];

        public int Index { get; set; }

        public float Rating { get; set; }

        public string[] Words { get; set; } = [];

        public string[] Spans { get; set; } = [];
    }
}
