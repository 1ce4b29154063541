using System.Reflection;
using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tests.Scoring;

/// <summary>Scored data behind transforms that ML.NET runs on several threads, and cancelled work.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ParallelCursorTests
{
    private const int RowCount = 5000;
    private static TinyModel s_model = null!;

    [ClassInitialize]
    public static void Train(TestContext context) => s_model = new TinyModel(RowCount);

    [ClassCleanup]
    public static void Dispose() => s_model.Dispose();

    [TestMethod]
    public void A_look_at_some_rows_behind_MapKeyToValue_reads_a_window()
    {
        AssertReads(64, scored => scored.Preview(5));
        AssertReads(64, scored => scored.GetColumn<string>("PredictedLabel").First());
        AssertReads(64, scored => _ = s_model.MLContext.Data.TakeRows(scored, 5).GetColumn<string>("PredictedLabel").ToArray());
    }

    [TestMethod]
    public void A_look_at_more_rows_reads_two_windows() => AssertReads(64 + 256, scored => scored.Preview(100));

    [TestMethod]
    public void Rows_behind_MapKeyToValue_are_those_of_one_cursor_in_their_order()
    {
        var scored = Behind(s_model.Data);

        var rows = s_model.MLContext.Data.CreateEnumerable<NamedTicket>(scored, reuseRowObject: false).ToArray();

        CollectionAssert.AreEqual(s_model.Rows.Select(row => row.Number).ToArray(), rows.Select(row => row.Number).ToArray());
        CollectionAssert.AreEqual(
            s_model.Score().Select(row => Tickets.Topics[row.PredictedLabel - 1]).ToArray(), rows.Select(row => row.PredictedLabel).ToArray());
    }

    [TestMethod]
    public void Second_cursor_of_a_set_has_columns_and_no_rows()
    {
        var scored = s_model.Transformer.Transform(s_model.Data);
        using var first = scored.GetRowCursorSet([scored.Schema["Score"]], 2)[0];
        using var cursor = scored.GetRowCursorSet([scored.Schema["Score"]], 2)[1];

        Assert.IsTrue(cursor.IsColumnActive(cursor.Schema["Score"]));
        Assert.AreSame(first.Schema, cursor.Schema);
        Assert.ThrowsExactly<InvalidOperationException>(() => cursor.GetGetter<int>(cursor.Schema["Score"]));
        var getter = cursor.GetGetter<VBuffer<float>>(cursor.Schema["Score"]);
        Assert.IsFalse(cursor.MoveNext());
        VBuffer<float> value = default;
        Assert.ThrowsExactly<InvalidOperationException>(() => getter(ref value));
    }

    [TestMethod]
    public void Cancelled_context_stops_the_cursors_that_are_open_and_no_later_one()
    {
        var mlContext = new MLContext();
        using var model = PTuningV2Transformer.LoadFrom(mlContext, new MemoryStream(s_model.Save()));
        var scored = model.Transform(s_model.Data);
        using var cursor = scored.GetRowCursor([scored.Schema["Score"]]);
        Assert.IsTrue(cursor.MoveNext());

        Cancel(mlContext);

        var read = 1;
        Assert.ThrowsExactly<OperationCanceledException>(() =>
        {
            for (; cursor.MoveNext(); read++)
            {
            }
        });
        Assert.AreEqual(64, read); // The window that was predicted already.
        Assert.AreEqual(RowCount, scored.GetColumn<float[]>("Score").Count()); // A context that was cancelled stays so; its models go on.
    }

    [TestMethod]
    public void Cancelled_context_stops_models_trained_in_it_and_evaluation()
    {
        var mlContext = new MLContext(1);
        using var encoder = new TinyEncoder();
        using var model = mlContext.MulticlassClassification.Trainers.PTuningV2(encoder.Options()).Fit(Tickets.Keyed(mlContext, s_model.Rows.Take(24)));
        var read = 0;
        var scored = model.Transform(Tickets.Keyed(mlContext, Cancelling()));

        Assert.ThrowsExactly<OperationCanceledException>(() => mlContext.MulticlassClassification.Evaluate(scored));

        Assert.IsLessThan(2000, read);

        IEnumerable<Ticket> Cancelling()
        {
            foreach (var row in s_model.Rows)
            {
                if (++read == 200)
                    Cancel(mlContext);
                yield return row;
            }
        }
    }

    [TestMethod]
    public void Cursors_draw_no_seed_from_the_context()
    {
        var (one, other) = (new MLContext(5), new MLContext(5));
        using var model = PTuningV2Transformer.LoadFrom(one, new MemoryStream(s_model.Save()));
        using var same = PTuningV2Transformer.LoadFrom(other, new MemoryStream(s_model.Save()));

        Assert.AreEqual(3, s_model.MLContext.Data.TakeRows(model.Transform(s_model.Data), 3).GetColumn<float[]>("Score").Count());

        CollectionAssert.AreEqual(Shuffled(one), Shuffled(other));

        int[] Shuffled(MLContext context) => [.. context.Data.ShuffleRows(s_model.Data).GetColumn<int>("Number").Take(20)];
    }

    private static void AssertReads(int expected, Action<IDataView> look)
    {
        var read = 0;
        look(Behind(s_model.MLContext.Data.LoadFromEnumerable(Rows())));
        Assert.AreEqual(expected, read);

        IEnumerable<Ticket> Rows()
        {
            foreach (var row in s_model.Rows)
            {
                read++;
                yield return row;
            }
        }
    }

    private static IDataView Behind(IDataView data)
    {
        var scored = s_model.Transformer.Transform(data);
        return s_model.MLContext.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(scored).Transform(scored);
    }

    private static void Cancel(MLContext mlContext) =>
        typeof(MLContext).GetMethod("CancelExecution", BindingFlags.Instance | BindingFlags.NonPublic)!.Invoke(mlContext, null);

    private sealed class NamedTicket
    {
        public int Number { get; set; }

        public string PredictedLabel { get; set; } = "";
    }
}
