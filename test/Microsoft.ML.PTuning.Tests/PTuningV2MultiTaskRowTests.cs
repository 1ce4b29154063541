using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tests;

/// <summary>Rows whose columns are known only at run time, in a predictor of many models.</summary>
[TestClass]
[TestCategory("Numeric")]
public sealed class PTuningV2MultiTaskRowTests
{
    private static TinyModel s_model = null!;

    [ClassInitialize]
    public static void Train(TestContext _) => s_model = new TinyModel();

    [ClassCleanup]
    public static void Delete() => s_model.Dispose();

    [TestMethod]
    public async Task Rows_of_a_view_get_the_scores_that_Transform_gives_them()
    {
        using var predictor = new PTuningV2MultiTaskPredictor(s_model.MLContext);
        predictor.Add("topics", s_model.Transformer);
        var expected = s_model.Score();
        using var cursor = s_model.Data.GetRowCursor(s_model.Data.Schema);

        for (var i = 0; cursor.MoveNext(); i++)
        {
            var answers = await predictor.PredictRowAsync(
                ["topics"], cursor, (name, answer) => (name, Scores: Scores(answer), Number: Value<int>(answer, "Number")));

            Assert.AreEqual("topics", answers["topics"].name);
            Assert.AreEqual(s_model.Rows[i].Number, answers["topics"].Number, "Columns of the row are passed through.");
            foreach (var (one, other) in expected[i].Score.Zip(answers["topics"].Scores))
                Assert.AreEqual(one, other, 1e-5f);
        }
    }

    [TestMethod]
    public async Task Steps_before_and_behind_the_model_see_each_row()
    {
        var context = s_model.MLContext;
        var chain = context.Transforms.Text.NormalizeText("Text", "Raw")
            .Append(context.Transforms.CopyColumns("Copied", "Text"))
            .Fit(context.Data.LoadFromEnumerable(new[] { new { Raw = "" } }));
        var behind = context.Transforms.Conversion.MapKeyToValue("Topic", "PredictedLabel").Fit(s_model.Transformer.Transform(s_model.Data));
        using var predictor = new PTuningV2MultiTaskPredictor(context);
        predictor.Add("chain", new TransformerChain<ITransformer>(chain, s_model.Transformer, behind));
        var rows = context.Data.LoadFromEnumerable(s_model.Rows.Select(row => new { Raw = row.Text.ToUpperInvariant() }));
        var expected = s_model.Score();
        using var cursor = rows.GetRowCursor(rows.Schema);

        for (var i = 0; cursor.MoveNext(); i++)
        {
            var answers = await predictor.PredictRowAsync(
                ["chain"],
                cursor,
                (_, answer) => (Value<ReadOnlyMemory<char>>(answer, "Text").ToString(), Value<ReadOnlyMemory<char>>(answer, "Topic").ToString()));

            Assert.AreEqual((s_model.Rows[i].Text, Tickets.Topics[expected[i].PredictedLabel - 1]), answers["chain"]);
        }
    }

    [TestMethod]
    public async Task Row_without_a_column_of_the_model_is_refused()
    {
        using var predictor = new PTuningV2MultiTaskPredictor(s_model.MLContext);
        predictor.Add("topics", s_model.Transformer);
        var other = s_model.MLContext.Data.LoadFromEnumerable([new { Txt = "late" }]);
        using var cursor = other.GetRowCursor(other.Schema);
        cursor.MoveNext();

        var refusal = await Assert.ThrowsExactlyAsync<ArgumentOutOfRangeException>(() => predictor.PredictRowAsync(["topics"], cursor, (_, _) => 0));

        Assert.Contains("'Text'", refusal.Message);
        await Assert.ThrowsExactlyAsync<ArgumentException>(() => predictor.PredictRowAsync(["nothing"], cursor, (_, _) => 0));
    }

    private static float[] Scores(DataViewRow row) => [.. Value<VBuffer<float>>(row, "Score").DenseValues()];

    private static T Value<T>(DataViewRow row, string column)
    {
        T value = default!;
        row.GetGetter<T>(row.Schema[column])(ref value);
        return value;
    }
}
