using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tests.Compute;

[TestClass]
[DoNotParallelize]
public class PromptModelTests
{
    [TestMethod]
    public void Native_memory_is_back_to_the_start_after_everything_is_disposed()
    {
        using var model = new TinyModel();
        var zip = model.Save();
        model.Transformer.Dispose();
        var before = LiveTensors.CountSettled();

        using (var loaded = model.Load(zip))
        using (var second = model.Load(zip))
        {
            model.Score(loaded);
            model.Score(second);
        }

        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    public void Training_leaves_nothing_in_native_memory_once_the_model_is_disposed()
    {
        var before = LiveTensors.CountSettled();

        new TinyModel().Dispose();

        var after = LiveTensors.Count;
        Assert.AreEqual(before, after);
    }

    [TestMethod]
    public void Two_hundred_predictions_leave_native_memory_as_it_was()
    {
        using var model = new TinyModel();
        using var engine = model.MLContext.Model.CreatePredictionEngine<Ticket, TopicScores>(model.Transformer);
        engine.Predict(model.Rows[0]);
        var before = LiveTensors.CountSettled();

        for (var i = 0; i < 200; i++)
            engine.Predict(model.Rows[i % model.Rows.Count]);

        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    public void Cursor_left_halfway_leaves_native_memory_as_it_was()
    {
        using var model = new TinyModel();
        model.Score();
        var before = LiveTensors.CountSettled();

        using (var cursor = model.Transformer.Transform(model.Data).GetRowCursor(model.Transformer.GetOutputSchema(model.Data.Schema)))
            cursor.MoveNext();

        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    public void Dispose_may_be_called_twice()
    {
        using var model = new TinyModel();
        using var other = model.Load(model.Save());

        model.Transformer.Dispose();
        model.Transformer.Dispose();

        Assert.HasCount(model.Rows.Count, model.Score(other)); // A second give-back would have freed the encoder under it.
    }

    [TestMethod]
    public void Disposing_one_of_two_models_leaves_the_other_its_encoder()
    {
        using var model = new TinyModel();
        var expected = model.Score();
        var other = model.Load(model.Save());

        other.Dispose();

        Scores.AssertEqual(expected, model.Score());
    }

    [TestMethod]
    public void Disposed_model_refuses_to_predict()
    {
        using var model = new TinyModel();
        var scored = model.Transformer.Transform(model.Data);
        using var engine = model.MLContext.Model.CreatePredictionEngine<Ticket, TopicScores>(model.Transformer);

        model.Transformer.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => Scores.Read(model.MLContext, scored));
        Assert.ThrowsExactly<ObjectDisposedException>(() => engine.Predict(model.Rows[0]));
    }

    [TestMethod]
    public void Disposed_model_refuses_to_be_saved()
    {
        using var model = new TinyModel();
        model.Transformer.Dispose();
        using var stream = new MemoryStream();

        Assert.ThrowsExactly<ObjectDisposedException>(() => model.Transformer.SaveTo(stream));
        Assert.AreEqual(0, stream.Length);
    }

    [TestMethod]
    public void Disposed_model_passes_columns_through_because_nothing_is_predicted_for_them()
    {
        using var model = new TinyModel();
        model.Transformer.Dispose();

        var numbers = model.Transformer.Transform(model.Data).GetColumn<int>("Number").ToArray();

        CollectionAssert.AreEqual(model.Rows.Select(r => r.Number).ToArray(), numbers);
    }

    [TestMethod]
    public void Open_cursor_fails_cleanly_after_Dispose()
    {
        using var model = new TinyModel(400);
        var scored = model.Transformer.Transform(model.Data);
        using var cursor = scored.GetRowCursor(scored.Schema);
        Assert.IsTrue(cursor.MoveNext());

        model.Transformer.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() =>
        {
            while (cursor.MoveNext())
            {
            }
        });
    }

    [TestMethod]
    public void Model_disposed_under_eight_readers_ends_them_with_ObjectDisposedException_or_all_their_rows()
    {
        using var model = new TinyModel(1500);
        var zip = model.Save();
        model.Transformer.Dispose();
        var before = LiveTensors.CountSettled();
        var loaded = model.Load(zip);

        var readers = Enumerable.Range(0, 8).Select(_ => Task.Run(() => Read(model, loaded))).ToArray();
        Thread.Sleep(20);
        loaded.Dispose();

        Assert.IsTrue(Task.WhenAll(readers).Wait(TimeSpan.FromMinutes(2)));
        foreach (var reader in readers)
            Assert.IsTrue(reader.Result is null or 1500, $"{reader.Result} rows");
        Assert.AreEqual(before, LiveTensors.Count);
    }

    [TestMethod]
    public void Prediction_engine_disposes_its_model_unless_told_not_to()
    {
        using var model = new TinyModel();
        using var kept = model.Load(model.Save());
        using var owned = model.Load(model.Save());

        model.MLContext.Model.CreatePredictionEngine<Ticket, TopicScores>(kept, new PredictionEngineOptions { OwnsTransformer = false }).Dispose();
        model.MLContext.Model.CreatePredictionEngine<Ticket, TopicScores>(owned).Dispose();

        Assert.HasCount(model.Rows.Count, model.Score(kept));
        Assert.ThrowsExactly<ObjectDisposedException>(() => model.Score(owned));
    }

    /// <returns>How many rows were read; null where the model was disposed before the last.</returns>
    private static int? Read(TinyModel model, PTuningV2Transformer transformer)
    {
        try
        {
            return model.Score(transformer).Count;
        }
        catch (ObjectDisposedException)
        {
            return null;
        }
    }
}
