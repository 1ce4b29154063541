using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tests.Scoring;

[TestClass]
public class ScoringRowMapperTests
{
    private static TinyModel s_model = null!;

    [ClassInitialize]
    public static void Train(TestContext context) => s_model = new TinyModel(120);

    [ClassCleanup]
    public static void Dispose() => s_model.Dispose();

    [TestMethod]
    public void Prediction_engine_agrees_with_Transform()
    {
        var expected = s_model.Score();
        using var engine = Engine();

        TopicScores[] single = [.. s_model.Rows.Select(engine.Predict)];

        Scores.AssertEqual(expected, single, 1e-5f);
        CollectionAssert.AreEqual(expected.Select(s => s.PredictedLabel).ToArray(), single.Select(s => s.PredictedLabel).ToArray());
    }

    [TestMethod]
    public void Prediction_engine_needs_no_label_column()
    {
        using var engine = s_model.MLContext.Model.CreatePredictionEngine<TextOnly, TopicScores>(s_model.Transformer, Shared);

        Assert.HasCount(3, engine.Predict(new TextOnly { Text = "parcel late" }).Score);
    }

    [TestMethod]
    public void Empty_and_null_text_are_scored_alike()
    {
        using var engine = Engine();

        var empty = engine.Predict(new Ticket { Text = "" }).Score;
        var none = engine.Predict(new Ticket { Text = null! }).Score;

        Assert.AreEqual(1, empty.Sum(), 1e-5f);
        CollectionAssert.AreEqual(empty, none);
    }

    [TestMethod]
    public void Very_long_text_is_scored_as_its_beginning()
    {
        using var engine = Engine();
        var text = string.Join(' ', Enumerable.Repeat("parcel late", 10_000)); // more than 100,000 characters

        var whole = engine.Predict(new Ticket { Text = text }).Score;
        var beginning = engine.Predict(new Ticket { Text = text[..120] }).Score;

        CollectionAssert.AreEqual(beginning, whole);
    }

    [TestMethod]
    public void Mapper_asks_for_the_text_only_where_a_score_is_wanted()
    {
        var mapper = s_model.Transformer.GetRowToRowMapper(s_model.Data.Schema);

        var forScore = mapper.GetDependencies([mapper.OutputSchema["Score"], mapper.OutputSchema["Number"]]).Select(c => c.Name).Order();
        var forNumber = mapper.GetDependencies([mapper.OutputSchema["Number"]]).Select(c => c.Name);

        CollectionAssert.AreEqual(new[] { "Number", "Text" }, forScore.ToArray());
        CollectionAssert.AreEqual(new[] { "Number" }, forNumber.ToArray());
    }

    [TestMethod]
    public void Row_passes_position_batch_and_id_on_and_refuses_what_was_not_asked_for()
    {
        var mapper = s_model.Transformer.GetRowToRowMapper(s_model.Data.Schema);
        using var source = s_model.Data.GetRowCursor(s_model.Data.Schema);
        using var row = mapper.GetRow(source, [mapper.OutputSchema["Score"], mapper.OutputSchema["Number"]]);
        source.MoveNext();
        source.MoveNext();
        DataViewRowId id = default, sourceId = default;
        row.GetIdGetter()(ref id);
        source.GetIdGetter()(ref sourceId);

        Assert.AreEqual((source.Position, source.Batch, sourceId), (row.Position, row.Batch, id));
        Assert.IsTrue(row.IsColumnActive(row.Schema["Score"]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => row.GetGetter<uint>(row.Schema["PredictedLabel"]));
        Assert.ThrowsExactly<InvalidOperationException>(() => row.GetGetter<float>(row.Schema["Score"]));
    }

    [TestMethod]
    public void Row_is_scored_anew_when_its_source_moves()
    {
        var expected = s_model.Score();
        var mapper = s_model.Transformer.GetRowToRowMapper(s_model.Data.Schema);
        using var source = s_model.Data.GetRowCursor(s_model.Data.Schema);
        using var row = mapper.GetRow(source, [mapper.OutputSchema["Score"]]);
        var getter = row.GetGetter<VBuffer<float>>(row.Schema["Score"]);
        VBuffer<float> scores = default;

        for (var i = 0; i < 3; i++)
        {
            source.MoveNext();
            getter(ref scores);
            Assert.AreEqual(expected[i].Score[0], scores.GetValues()[0], 1e-5f);
        }
    }

    [TestMethod]
    public void Row_of_another_schema_is_refused()
    {
        var mapper = s_model.Transformer.GetRowToRowMapper(s_model.Data.Schema);
        var other = s_model.MLContext.Data.LoadFromEnumerable(s_model.Rows);
        using var source = other.GetRowCursor(other.Schema);

        Assert.ThrowsExactly<ArgumentException>(() => mapper.GetRow(source, []));
    }

    [TestMethod]
    public void Sixteen_threads_with_their_own_engines_get_the_bits_of_one()
    {
        using var loaded = s_model.Load(s_model.Save());
        TopicScores[] Predict()
        {
            using var engine = s_model.MLContext.Model.CreatePredictionEngine<Ticket, TopicScores>(loaded, Shared);
            return [.. s_model.Rows.Select(engine.Predict)];
        }

        var expected = Predict();
        var actual = new TopicScores[16][];
        var threads = Enumerable.Range(0, actual.Length).Select(i => new Thread(() => actual[i] = Predict())).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        foreach (var scores in actual)
            Scores.AssertEqual(expected, scores);
    }

    private static PredictionEngineOptions Shared => new() { OwnsTransformer = false };

    private static PredictionEngine<Ticket, TopicScores> Engine() =>
        s_model.MLContext.Model.CreatePredictionEngine<Ticket, TopicScores>(s_model.Transformer, Shared);

    private sealed class TextOnly
    {
        public string Text { get; set; } = "";
    }
}
