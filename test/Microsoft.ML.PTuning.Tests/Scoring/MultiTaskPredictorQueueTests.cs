using System.Collections.Concurrent;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tasks;

namespace Microsoft.ML.PTuning.Tests.Scoring;

/// <summary>How the rows of a predictor wait, with an encoder that stands still until it is let go.</summary>
[TestClass]
[DoNotParallelize]
public sealed class MultiTaskPredictorQueueTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(2);

    private readonly MixedModels _models = new();
    private readonly ConcurrentQueue<int> _batches = [];
    private readonly ManualResetEventSlim _go = new();
    private PTuningV2MultiTaskPredictor? _predictor;

    public static IEnumerable<object[]> StackingMethods =>
    [
        [new DeepPrefix { PrefixLength = 3 }], [new LowRankAdaptation { Rank = 1 }],
        [new PromptTuning { Length = 8 }], [new PTuningV1 { Length = 8 }], [new AutoPrompt { Length = 8 }],
    ];

    private static int Cores => WorkerThreads.Shared.Count;

    [TestCleanup]
    public void Free()
    {
        _go.Set();
        _predictor?.Dispose();
        _models.Dispose();
        _go.Dispose();
    }

    [TestMethod]
    public async Task A_row_that_finds_nothing_under_way_waits_for_no_others()
    {
        Serve(new() { MaxDelay = TimeSpan.FromHours(1) });
        _go.Set();

        await AskAsync().WaitAsync(Long);
    }

    [TestMethod]
    public async Task Rows_that_come_while_others_are_computed_share_a_batch()
    {
        if (Cores == 1)
            Assert.Inconclusive("There is one core.");
        Serve(new() { MaxDelay = TimeSpan.FromHours(1), MaxBatchSize = 3 * (Cores - 1) });
        var first = AskAsync();
        WaitForBatches(1);

        var others = Enumerable.Range(0, 3 * (Cores - 1)).Select(_ => AskAsync()).ToArray();
        WaitForBatches(Cores);
        _go.Set();
        await Task.WhenAll([first, .. others]).WaitAsync(Long);

        CollectionAssert.AreEqual(new[] { 1 }.Concat(Enumerable.Repeat(3, Cores - 1)).ToArray(), _batches.ToArray());
    }

    [TestMethod]
    public async Task Rows_pile_up_while_all_cores_are_busy()
    {
        Serve(new() { MaxDelay = TimeSpan.Zero, MaxBatchSize = 10 });
        var busy = Occupy();

        var piled = Enumerable.Range(0, 10).Select(_ => AskAsync()).ToArray();
        _go.Set();
        await Task.WhenAll([.. busy, .. piled]).WaitAsync(Long);

        Assert.IsLessThanOrEqualTo(Cores + 10 / 2, _batches.Count); // Alone, they would be 10 batches.
    }

    /// <summary>The tokens that a method inserts count as the batch's and as the core's, or a row would never share a batch.</summary>
    [TestMethod]
    [DynamicData(nameof(StackingMethods))]
    public async Task Two_models_of_one_row_share_the_batch_of_a_single_core(TuningMethod method)
    {
        CountingBackbone? counting = null;
        PTuningV2Transformer Create(int seed) => _models.Create(
            Any.Regression, method, seed, inner => counting ??= new CountingBackbone(inner) { BeforeBatch = _batches.Enqueue });
        var oneCore = new MLContext();
        oneCore.SetPTuningScoringCores(1);
        _predictor = new PTuningV2MultiTaskPredictor(oneCore);
        _predictor.Add("one", Create(1));
        _predictor.Add("two", Create(2));

        await _predictor.PredictAllAsync<MixedRow, Rating>(["one", "two"], new MixedRow { Sentence1 = "a b c" }).WaitAsync(Long);

        CollectionAssert.AreEqual(new[] { 2 }, _batches.ToArray());
    }

    [TestMethod]
    public async Task Full_queue_refuses_where_it_is_told_to()
    {
        Serve(new() { Capacity = 2, MaxBatchSize = 1, RefuseWhenFull = true });
        var busy = Occupy();
        var waiting = new[] { AskAsync(), AskAsync() };

        var refusal = await Assert.ThrowsExactlyAsync<PredictionQueueFullException>(AskAsync);
        _go.Set();
        await Task.WhenAll([.. busy, .. waiting]).WaitAsync(Long);

        Assert.Contains("calls that wait to be computed number 2, its Capacity", refusal.Message);
        await AskAsync().WaitAsync(Long);
    }

    [TestMethod]
    public async Task Full_queue_reads_no_row_that_it_refuses()
    {
        Serve(new() { Capacity = 1, MaxBatchSize = 1, RefuseWhenFull = true });
        var (busy, row) = (Occupy(), new WatchedRow());
        var waiting = AskAsync();

        await Assert.ThrowsExactlyAsync<PredictionQueueFullException>(() => _predictor!.PredictAsync<WatchedRow, Rating>("model", row));
        Assert.AreEqual(0, row.Reads());
        _go.Set();
        await Task.WhenAll([.. busy, waiting]).WaitAsync(Long);

        await _predictor!.PredictAsync<WatchedRow, Rating>("model", row).WaitAsync(Long);
        Assert.AreEqual(1, row.Reads());
    }

    [TestMethod]
    public async Task Row_that_cannot_be_read_leaves_its_room_to_others()
    {
        Serve(new() { Capacity = 1, MaxBatchSize = 1, RefuseWhenFull = true });
        _go.Set();

        for (var i = 0; i < 3; i++)
            await Assert.ThrowsAsync<InvalidDataException>(() => _predictor!.PredictAsync<WatchedRow, Rating>("model", new WatchedRow { Fails = true }));

        await AskAsync().WaitAsync(Long);
    }

    [TestMethod]
    public async Task Full_queue_lets_callers_wait_for_room()
    {
        Serve(new() { Capacity = 1, MaxBatchSize = 1 });
        var busy = Occupy();

        var waiting = Enumerable.Range(0, 20).Select(_ => AskAsync()).ToArray();
        Assert.IsFalse(waiting.Any(task => task.IsCompleted));
        _go.Set();

        await Task.WhenAll([.. busy, .. waiting]).WaitAsync(Long);
    }

    [TestMethod]
    public async Task Caller_gives_up_waiting_for_room_when_cancelled()
    {
        Serve(new() { Capacity = 1, MaxBatchSize = 1 });
        Occupy();
        _ = AskAsync();
        using var cancellation = new CancellationTokenSource();
        var outside = AskAsync(cancellation.Token);

        await cancellation.CancelAsync();

        await Assert.ThrowsAsync<OperationCanceledException>(() => outside.WaitAsync(Long, CancellationToken.None));
    }

    [TestMethod]
    public async Task Cancelled_row_is_not_computed()
    {
        Serve(new() { MaxBatchSize = 1 });
        var busy = Occupy();
        using var cancellation = new CancellationTokenSource();
        var cancelled = AskAsync(cancellation.Token);
        var last = AskAsync();

        await cancellation.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => cancelled.WaitAsync(Long, CancellationToken.None));
        _go.Set();
        await Task.WhenAll([.. busy, last]).WaitAsync(Long);

        Assert.HasCount(Cores + 1, _batches);
        await Assert.ThrowsAsync<OperationCanceledException>(() => AskAsync(cancellation.Token));
    }

    [TestMethod]
    public async Task Dispose_completes_what_is_computed_and_fails_what_waits()
    {
        Serve(new() { Capacity = 1, MaxBatchSize = 1 });
        var busy = Occupy();
        var waiting = Enumerable.Range(0, 3).Select(_ => AskAsync()).ToArray(); // One inside, two outside.

        var disposing = Task.Run(_predictor!.Dispose);
        foreach (var task in waiting)
            await Assert.ThrowsExactlyAsync<ObjectDisposedException>(() => task.WaitAsync(Long));
        Assert.IsFalse(disposing.IsCompleted);
        _go.Set();

        await disposing.WaitAsync(Long);
        foreach (var task in busy)
            await task.WaitAsync(Long);
        await Assert.ThrowsExactlyAsync<ObjectDisposedException>(AskAsync);
    }

    [TestMethod]
    public async Task Dispose_under_load_ends_every_caller()
    {
        Serve(new() { Capacity = 4 });
        _go.Set();
        var callers = Enumerable.Range(0, 32).Select(_ => Task.Run(async () =>
        {
            try
            {
                while (true)
                    await AskAsync();
            }
            catch (ObjectDisposedException)
            {
            }
        })).ToArray();
        WaitForBatches(20);

        _predictor!.Dispose();

        await Task.WhenAll(callers).WaitAsync(Long);
    }

    [TestMethod]
    public async Task Removed_and_disposed_model_completes_its_row()
    {
        var model = Serve(new());
        var asked = AskAsync();
        WaitForBatches(1);

        _predictor!.Remove("model");
        model.Dispose();
        _go.Set();

        await asked.WaitAsync(Long);
    }

    [TestMethod]
    public async Task Batch_that_fails_fails_its_callers_and_no_others()
    {
        var fails = true;
        Serve(new(), () =>
        {
            if (fails)
                throw new InvalidDataException("The encoder broke.");
        });
        _go.Set();

        await Assert.ThrowsExactlyAsync<InvalidDataException>(() => AskAsync().WaitAsync(Long));
        fails = false;

        await AskAsync().WaitAsync(Long);
    }

    private PTuningV2Transformer Serve(PTuningV2MultiTaskPredictor.Options options, Action? onBatch = null)
    {
        var model = _models.Create(Any.Regression, new DeepPrefix { PrefixLength = 3 }, 1, inner => new CountingBackbone(inner)
        {
            BeforeBatch = rows =>
            {
                _batches.Enqueue(rows);
                _go.Wait(Long);
                onBatch?.Invoke();
            },
        });
        _predictor = new PTuningV2MultiTaskPredictor(new MLContext(), options);
        _predictor.Add("model", model);
        return model;
    }

    private Task<Rating> AskAsync() => AskAsync(CancellationToken.None);

    private Task<Rating> AskAsync(CancellationToken token) =>
        _predictor!.PredictAsync<MixedRow, Rating>("model", new MixedRow { Sentence1 = "a b c" }, token);

    /// <summary>Counts how often its text is read.</summary>
    private sealed class WatchedRow
    {
        private int _reads;

        public int Reads() => _reads;

        public bool Fails { get; init; }

        public string Sentence1
        {
            get
            {
                _reads++;
                return Fails ? throw new InvalidDataException() : "a b c";
            }
            set => _ = value;
        }
    }

    /// <summary>A row for each core, being computed when this returns.</summary>
    private Task[] Occupy() =>
    [
        .. Enumerable.Range(1, Cores).Select(batches =>
        {
            var asked = AskAsync();
            WaitForBatches(batches);
            return (Task)asked;
        }),
    ];

    private void WaitForBatches(int count) => Assert.IsTrue(SpinWait.SpinUntil(() => _batches.Count >= count, Long));
}
