using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tests.Scoring;

[TestClass]
public class LookAheadCursorTests
{
    private const int RowCount = 2600; // More than the windows of 64, 256 and 1024 rows together.
    private static TinyModel s_model = null!;

    private static IDataView Scored => s_model.Transformer.Transform(s_model.Data);

    [ClassInitialize]
    public static void Train(TestContext context) => s_model = new TinyModel(RowCount);

    [ClassCleanup]
    public static void Dispose() => s_model.Dispose();

    [TestMethod]
    public void Rows_keep_their_order_and_values_over_many_windows()
    {
        var read = s_model.MLContext.Data.CreateEnumerable<Ticket>(Scored, reuseRowObject: false).ToArray();

        CollectionAssert.AreEqual(s_model.Rows.Select(Describe).ToArray(), read.Select(Describe).ToArray());
    }

    [TestMethod]
    public void Values_belong_to_their_row_whether_scores_are_read_or_not()
    {
        var numbers = Scored.GetColumn<int>("Number").ToArray();

        CollectionAssert.AreEqual(s_model.Rows.Select(r => r.Number).ToArray(), numbers);
    }

    [TestMethod]
    public void Scores_belong_to_the_text_of_their_row()
    {
        var scores = s_model.Score();
        var sameText = s_model.Rows.Select((row, index) => (row.Text, index)).GroupBy(p => p.Text).Where(g => g.Count() > 1).ToArray();

        Assert.IsNotEmpty(sameText);
        foreach (var group in sameText)
            foreach (var (_, index) in group)
                foreach (var (expected, actual) in scores[group.First().index].Score.Zip(scores[index].Score))
                    Assert.AreEqual(expected, actual, 1e-5f, $"row {index}: {group.Key}");
    }

    [TestMethod]
    public void Vector_read_from_one_row_is_not_changed_by_the_next()
    {
        using var cursor = Scored.GetRowCursor(Scored.Schema);
        var getter = cursor.GetGetter<VBuffer<float>>(cursor.Schema["Vector"]);
        VBuffer<float> first = default, second = default;

        cursor.MoveNext();
        getter(ref first);
        cursor.MoveNext();
        getter(ref second);

        CollectionAssert.AreEqual(s_model.Rows[0].Vector, first.DenseValues().ToArray());
        CollectionAssert.AreEqual(s_model.Rows[1].Vector, second.DenseValues().ToArray());
    }

    [TestMethod]
    public void Position_counts_from_0_and_is_minus_1_before_and_after()
    {
        using var cursor = Scored.GetRowCursor(Scored.Schema);
        Assert.AreEqual(-1, cursor.Position);

        for (var row = 0; row < RowCount; row++)
        {
            Assert.IsTrue(cursor.MoveNext());
            Assert.AreEqual(row, cursor.Position);
        }

        Assert.IsFalse(cursor.MoveNext());
        Assert.AreEqual(-1, cursor.Position);
        Assert.IsFalse(cursor.MoveNext());
    }

    [TestMethod]
    public void Ids_and_batches_are_the_sources()
    {
        using var cursor = Scored.GetRowCursor(Scored.Schema);
        using var source = s_model.Data.GetRowCursor(s_model.Data.Schema);
        var (id, sourceId) = (cursor.GetIdGetter(), source.GetIdGetter());
        DataViewRowId value = default, expected = default;

        while (source.MoveNext())
        {
            Assert.IsTrue(cursor.MoveNext());
            id(ref value);
            sourceId(ref expected);
            Assert.AreEqual(expected, value);
            Assert.AreEqual(source.Batch, cursor.Batch);
        }
    }

    [TestMethod]
    public void Getter_refuses_to_read_before_the_first_and_after_the_last_row()
    {
        using var cursor = s_model.Transformer.Transform(s_model.MLContext.Data.TakeRows(s_model.Data, 3)).GetRowCursor(Scored.Schema);
        var number = cursor.GetGetter<int>(cursor.Schema["Number"]);
        var score = cursor.GetGetter<VBuffer<float>>(cursor.Schema["Score"]);
        var value = 0;
        VBuffer<float> scores = default;

        Assert.ThrowsExactly<InvalidOperationException>(() => number(ref value));
        Assert.ThrowsExactly<InvalidOperationException>(() => score(ref scores));
        while (cursor.MoveNext())
            number(ref value);
        Assert.ThrowsExactly<InvalidOperationException>(() => number(ref value));
        Assert.ThrowsExactly<InvalidOperationException>(() => score(ref scores));
    }

    [TestMethod]
    public void Getter_of_another_type_is_refused_by_name_and_types()
    {
        using var cursor = Scored.GetRowCursor(Scored.Schema);

        var added = Assert.ThrowsExactly<InvalidOperationException>(() => cursor.GetGetter<float>(cursor.Schema["Score"]));
        Assert.Contains("'Score' holds", added.Message);
        var passed = Assert.ThrowsExactly<InvalidOperationException>(() => cursor.GetGetter<float>(cursor.Schema["Number"]));
        Assert.Contains("'Number' holds System.Int32, not System.Single", passed.Message);
    }

    [TestMethod]
    public void Column_that_was_not_asked_for_is_refused()
    {
        using var cursor = Scored.GetRowCursor([Scored.Schema["Score"]]);

        Assert.IsFalse(cursor.IsColumnActive(cursor.Schema["PredictedLabel"]));
        var added = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => cursor.GetGetter<uint>(cursor.Schema["PredictedLabel"]));
        Assert.Contains("'PredictedLabel' was not asked for", added.Message);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => cursor.GetGetter<int>(cursor.Schema["Number"]));
    }

    [TestMethod]
    public void Row_count_and_shuffling_are_the_sources()
    {
        Assert.AreEqual(s_model.Data.GetRowCount(), Scored.GetRowCount());
        Assert.AreEqual(s_model.Data.CanShuffle, Scored.CanShuffle);
    }

    [TestMethod]
    public void Cursor_set_reads_every_row_once()
    {
        var cursors = Scored.GetRowCursorSet(Scored.Schema, 4);
        var rows = 0;
        foreach (var cursor in cursors)
            using (cursor)
                while (cursor.MoveNext())
                    rows++;

        Assert.AreEqual(RowCount, rows);
    }

    [TestMethod]
    public void Eight_cursors_at_once_read_what_one_reads()
    {
        var expected = s_model.Score();

        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ => Scores.AssertEqual(expected, s_model.Score()));
    }

    [TestMethod]
    public void Shuffled_taken_and_filtered_rows_keep_their_scores()
    {
        var expected = s_model.Score();
        var ml = s_model.MLContext;
        var changed = ml.Data.TakeRows(ml.Data.ShuffleRows(ml.Data.FilterRowsByColumn(Scored, "Hours", 2, 4), seed: 3), 50);

        var rows = ml.Data.CreateEnumerable<NumberedScores>(changed, reuseRowObject: false).ToArray();

        Assert.HasCount(50, rows);
        foreach (var row in rows)
            CollectionAssert.AreEqual(expected[row.Number].Score, row.Score);
    }

    [TestMethod]
    public void Source_computes_no_column_that_nobody_asked_for()
    {
        var computed = 0;
        var mapping = s_model.MLContext.Transforms.CustomMapping<Ticket, Costly>((_, costly) => costly.Costs = ++computed, null);
        var scored = s_model.Transformer.Transform(mapping.Fit(s_model.Data).Transform(s_model.Data));

        Assert.HasCount(RowCount, scored.GetColumn<uint>("PredictedLabel").ToArray());

        Assert.AreEqual(0, computed);
    }

    [TestMethod]
    [DataRow(0, DisplayName = "in the first window")]
    [DataRow(70, DisplayName = "in the second window")]
    public void Cursor_ends_where_its_source_fails(int failing)
    {
        var failures = 0;
        var mapping = s_model.MLContext.Transforms.CustomMapping<Ticket, Costly>(
            (ticket, costly) => costly.Costs = ticket.Number == failing && failures++ == 0 ? throw new InvalidDataException("once") : ticket.Number, null);
        var scored = s_model.Transformer.Transform(mapping.Fit(s_model.Data).Transform(s_model.Data));
        using var cursor = scored.GetRowCursor(scored.Schema);
        var score = cursor.GetGetter<VBuffer<float>>(cursor.Schema["Score"]);
        VBuffer<float> scores = default;

        var failure = Assert.Throws<Exception>(() =>
        {
            while (cursor.MoveNext())
            {
            }
        });

        Assert.Contains("once", failure.ToString());
        Assert.AreEqual(-1, cursor.Position);
        Assert.ThrowsExactly<InvalidOperationException>(() => score(ref scores));
        Assert.IsFalse(cursor.MoveNext());
    }

    [TestMethod]
    public void Cursor_ends_where_a_prediction_fails()
    {
        using var model = new TinyModel(80);
        var scored = model.Transformer.Transform(model.Data);
        using var cursor = scored.GetRowCursor(scored.Schema);
        var score = cursor.GetGetter<VBuffer<float>>(cursor.Schema["Score"]);
        VBuffer<float> scores = default;
        for (var row = 0; row < 64; row++)
            Assert.IsTrue(cursor.MoveNext());
        model.Transformer.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => cursor.MoveNext());

        Assert.ThrowsExactly<InvalidOperationException>(() => score(ref scores));
        Assert.IsFalse(cursor.MoveNext());
    }

    [TestMethod]
    public void Data_without_rows_gives_no_rows()
    {
        var none = s_model.Transformer.Transform(Tickets.Keyed(s_model.MLContext, []));

        Assert.IsEmpty(Scores.Read(s_model.MLContext, none));
    }

    private static string Describe(Ticket row) => $"{row.Number} {row.Text} {row.Topic} {row.Hours} {row.IsUrgent} {string.Join(',', row.Vector)}";

    private sealed class Costly
    {
        public int Costs { get; set; }
    }

    private sealed class NumberedScores
    {
        public int Number { get; set; }

        public float[] Score { get; set; } = [];
    }
}
