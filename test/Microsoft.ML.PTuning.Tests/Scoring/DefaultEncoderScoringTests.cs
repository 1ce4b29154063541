namespace Microsoft.ML.PTuning.Tests.Scoring;

/// <summary>Texts of 1 to 200 words on an encoder large enough for batches, shards and threads to matter.</summary>
[TestClass]
public class DefaultEncoderScoringTests
{
    private static readonly MLContext Context = new(1);
    private static readonly IReadOnlyList<Ticket> Rows = [.. Enumerable.Range(0, 40).Select(Long)];
    private static PTuningV2Transformer s_model = null!;

    private static IDataView Data => Tickets.Keyed(Context, Rows);

    [ClassInitialize]
    public static void Train(TestContext context) => s_model = Context.MulticlassClassification.Trainers
        .PTuningV2(sentence1ColumnName: "Text", prefixLength: 8, maxEpochs: 1).Fit(Tickets.Keyed(Context, Tickets.Rows(24)));

    [ClassCleanup]
    public static void Dispose() => s_model.Dispose();

    [TestMethod]
    public void Prediction_engine_agrees_with_Transform()
    {
        var batched = Scores.Read(Context, s_model.Transform(Data));
        using var engine = Engine();

        Scores.AssertEqual(batched, [.. Rows.Select(engine.Predict)], 1e-5f);
    }

    [TestMethod]
    public void Transform_gives_the_same_bits_every_time() =>
        Scores.AssertEqual(Scores.Read(Context, s_model.Transform(Data)), Scores.Read(Context, s_model.Transform(Data)));

    [TestMethod]
    public void Sixteen_threads_with_their_own_engines_get_the_bits_of_one()
    {
        TopicScores[] Predict()
        {
            using var engine = Engine();
            return [.. Rows.Select(engine.Predict)];
        }

        var expected = Predict();
        var actual = new TopicScores[16][];
        var threads = Enumerable.Range(0, actual.Length).Select(i => new Thread(() => actual[i] = Predict())).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        foreach (var scores in actual)
            Scores.AssertEqual(expected, scores);
    }

    [TestMethod]
    public void Text_of_100_000_characters_is_scored_as_its_beginning()
    {
        using var engine = Engine();
        var text = string.Concat(Enumerable.Repeat("parcel late, ", 8_000));

        var whole = engine.Predict(new Ticket { Text = text }).Score;
        var beginning = engine.Predict(new Ticket { Text = text[..3_000] }).Score;

        CollectionAssert.AreEqual(beginning, whole);
    }

    private static PredictionEngine<Ticket, TopicScores> Engine() =>
        Context.Model.CreatePredictionEngine<Ticket, TopicScores>(s_model, new PredictionEngineOptions { OwnsTransformer = false });

    private static Ticket Long(int number)
    {
        var random = new Random(number);
        var words = Enumerable.Range(0, number == 0 ? 1 : random.Next(1, 200)).Select(_ => Tickets.Words[random.Next(Tickets.Words.Length)]);
        return new Ticket { Text = string.Join(' ', words), Topic = Tickets.Topics[number % 3] };
    }
}
