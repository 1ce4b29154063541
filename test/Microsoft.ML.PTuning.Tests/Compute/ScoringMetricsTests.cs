using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Scoring;
using Microsoft.ML.PTuning.Tests.Tasks;

namespace Microsoft.ML.PTuning.Tests.Compute;

/// <summary>What a listener to the meter hears.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ScoringMetricsTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(2);

    private readonly MixedModels _models = new();
    private readonly ConcurrentQueue<Measurement> _heard = [];
    private readonly MeterListener _listener = new();
    private readonly ManualResetEventSlim _go = new();
    private int _batches;

    [TestInitialize]
    public void Listen()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "Microsoft.ML.PTuning")
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => _heard.Enqueue(new(instrument.Name, value, [.. tags])));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => _heard.Enqueue(new(instrument.Name, value, [.. tags])));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => _heard.Enqueue(new(instrument.Name, value, [.. tags])));
        _listener.Start();
    }

    [TestCleanup]
    public void Free()
    {
        _go.Set();
        _listener.Dispose();
        _models.Dispose();
        _go.Dispose();
    }

    [TestMethod]
    public void Transform_counts_its_rows_and_batches()
    {
        _go.Set();

        Create().Predict<MixedRow, Rating>(Enumerable.Range(0, 50).Select(MixedRow.Draw));

        Assert.AreEqual(50, Sum("ptuning.scoring.rows"));
        Assert.AreEqual(_batches, Sum("ptuning.scoring.batches"));
        Assert.AreEqual(_batches, Count("ptuning.scoring.batch.size"));
        Assert.AreEqual(50, Sum("ptuning.scoring.batch.size"));
    }

    [TestMethod]
    public async Task Predictor_counts_rows_and_durations_by_model()
    {
        _go.Set();
        using var predictor = new PTuningV2MultiTaskPredictor(new MLContext());
        predictor.Add("one", Create());
        predictor.Add("two", Create());

        await predictor.PredictAsync<MixedRow, Rating>("one", MixedRow.Draw(1));
        await predictor.PredictAllAsync<MixedRow, Rating>(["one", "two"], MixedRow.Draw(2));

        Assert.AreEqual(2, Sum("ptuning.scoring.rows", ("ptuning.model.name", "one")));
        Assert.AreEqual(1, Sum("ptuning.scoring.rows", ("ptuning.model.name", "two")));
        Assert.AreEqual(3, Sum("ptuning.scoring.batch.size"));
        Assert.AreEqual(2, Count("ptuning.predictor.duration", ("ptuning.model.name", "one")));
        Assert.IsTrue(_heard.Where(m => m.Name == "ptuning.predictor.duration").All(m => m.Value is > 0 and < 120));
    }

    [TestMethod]
    public async Task Rows_that_wait_are_seen_until_they_are_computed()
    {
        using var predictor = new PTuningV2MultiTaskPredictor(Context(), new() { MaxBatchSize = 1 });
        predictor.Add("model", Create());
        var busy = Occupy(predictor);
        Task[] waiting = [AskAsync(predictor), AskAsync(predictor), AskAsync(predictor)];

        _listener.RecordObservableInstruments();
        Assert.AreEqual(3, Last("ptuning.predictor.waiting"));
        _go.Set();
        await Task.WhenAll([busy, .. waiting]).WaitAsync(Long);

        _listener.RecordObservableInstruments();
        Assert.AreEqual(0, Last("ptuning.predictor.waiting"));
    }

    [TestMethod]
    public async Task Refused_rows_are_counted_and_their_error_named()
    {
        using var predictor = new PTuningV2MultiTaskPredictor(Context(), new() { MaxBatchSize = 1, Capacity = 1, RefuseWhenFull = true });
        predictor.Add("model", Create());
        var busy = Occupy(predictor);
        var waiting = AskAsync(predictor);

        await Assert.ThrowsExactlyAsync<PredictionQueueFullException>(() => AskAsync(predictor));

        Assert.AreEqual(1, Sum("ptuning.predictor.refused", ("ptuning.model.name", "model")));
        Assert.AreEqual(1, Count("ptuning.predictor.duration", ("error.type", typeof(PredictionQueueFullException).FullName!)));
        Assert.AreEqual(0, Sum("ptuning.scoring.rows"));
        _go.Set();
        await Task.WhenAll(busy, waiting).WaitAsync(Long);
    }

    [TestMethod]
    public async Task Disposed_predictor_has_no_rows_that_wait()
    {
        var predictor = new PTuningV2MultiTaskPredictor(Context(), new() { MaxBatchSize = 1 });
        predictor.Add("model", Create());
        var busy = Occupy(predictor);
        var waiting = AskAsync(predictor);
        var disposing = Task.Run(predictor.Dispose);
        await Assert.ThrowsExactlyAsync<ObjectDisposedException>(() => waiting.WaitAsync(Long));
        _go.Set();
        await Task.WhenAll(busy, disposing).WaitAsync(Long);

        _listener.RecordObservableInstruments();

        Assert.AreEqual(0, Last("ptuning.predictor.waiting"));
    }

    [TestMethod]
    public void Instruments_have_the_units_that_the_documentation_names()
    {
        var units = new Dictionary<string, string?>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name == ScoringMetrics.MeterName)
                    units[instrument.Name] = instrument.Unit;
            },
        };
        ScoringMetrics.CountRows(0);
        listener.Start();

        CollectionAssert.AreEquivalent(
            new Dictionary<string, string?>
            {
                ["ptuning.scoring.rows"] = "{row}",
                ["ptuning.scoring.batches"] = "{batch}",
                ["ptuning.scoring.batch.size"] = "{row}",
                ["ptuning.predictor.duration"] = "s",
                ["ptuning.predictor.refused"] = "{row}",
                ["ptuning.predictor.waiting"] = "{row}",
            },
            units);
    }

    [TestMethod]
    public void Nobody_listens_and_no_time_is_taken()
    {
        _listener.Dispose();

        Assert.AreEqual(0, ScoringMetrics.StartCall());
    }

    private static MLContext Context()
    {
        var context = new MLContext();
        context.SetOption("PTuning.ScoringCores", "1");
        return context;
    }

    private static Task AskAsync(PTuningV2MultiTaskPredictor predictor) => predictor.PredictAsync<MixedRow, Rating>("model", MixedRow.Draw(1));

    private Task Occupy(PTuningV2MultiTaskPredictor predictor)
    {
        var call = AskAsync(predictor);
        Assert.IsTrue(SpinWait.SpinUntil(() => _batches > 0, Long));
        return call;
    }

    private PTuningV2Transformer Create() => _models.Create(Any.Regression, new DeepPrefix { PrefixLength = 3 }, 1, inner => new CountingBackbone(inner)
    {
        BeforeBatch = _ =>
        {
            Interlocked.Increment(ref _batches);
            _go.Wait(Long);
        },
    });

    private double Sum(string name, params (string Key, string Value)[] tags) => Of(name, tags).Sum(m => m.Value);

    private int Count(string name, params (string Key, string Value)[] tags) => Of(name, tags).Count();

    private double Last(string name) => Of(name, []).Last().Value;

    private IEnumerable<Measurement> Of(string name, (string Key, string Value)[] tags) =>
        _heard.Where(m => m.Name == name && tags.All(tag => m.Tags.Any(t => t.Key == tag.Key && t.Value as string == tag.Value)));

    private sealed record Measurement(string Name, double Value, KeyValuePair<string, object?>[] Tags);
}
