using System.Collections.Concurrent;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Scoring;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Tests.Backbones;
using Microsoft.ML.PTuning.Tests.Tasks;

namespace Microsoft.ML.PTuning.Tests.Scoring;

/// <summary>The queue itself, one batch at a time, with an encoder that stands still until it is let go.</summary>
[TestClass]
[DoNotParallelize]
public sealed class PredictionQueueTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(2);

    private readonly MixedModels _models = new();
    private readonly ConcurrentQueue<int> _batches = []; // Sequences of each.
    private readonly ManualResetEventSlim _go = new();
    private PTuningV2Transformer _model = null!;
    private PredictionQueue? _queue;
    private int _read;

    [TestInitialize]
    public void CreateModel() =>
        _model = _models.Create(Any.Choice, new DeepPrefix { PrefixLength = 3 }, 1, inner => new CountingBackbone(inner)
        {
            BeforeBatch = rows =>
            {
                _batches.Enqueue(rows);
                _go.Wait(Long);
            },
        });

    [TestCleanup]
    public void Free()
    {
        _go.Set();
        _queue?.Dispose();
        _models.Dispose();
        _go.Dispose();
    }

    [TestMethod]
    public async Task Calls_are_computed_in_the_order_in_which_they_came()
    {
        Open(maxBatchSize: 1);

        var calls = Enumerable.Range(1, 6).Select(sequences => AskAsync(sequences)).ToArray();
        _go.Set();
        await Task.WhenAll(calls).WaitAsync(Long);

        CollectionAssert.AreEqual(new[] { 1, 2, 3, 4, 5, 6 }, _batches.ToArray());
    }

    [TestMethod]
    public async Task Rows_that_wait_share_batches_of_at_most_so_many()
    {
        Open(maxBatchSize: 4);
        var busy = Occupy();

        var calls = Enumerable.Range(0, 10).Select(_ => AskAsync()).ToArray();
        _go.Set();
        await Task.WhenAll([busy, .. calls]).WaitAsync(Long);

        CollectionAssert.AreEqual(new[] { 1, 4, 4, 2 }, _batches.ToArray());
    }

    [TestMethod]
    public async Task Rows_of_a_call_are_taken_together()
    {
        Open(maxBatchSize: 3);
        var busy = Occupy();

        Task[] calls = [AskAsync(), AskRowsAsync(3), AskAsync()];
        _go.Set();
        await Task.WhenAll([busy, .. calls]).WaitAsync(Long);

        CollectionAssert.AreEqual(new[] { 1, 1, 3, 1 }, _batches.ToArray());
    }

    [TestMethod]
    public async Task Row_without_parts_is_answered_and_computes_nothing()
    {
        Open();

        var predictions = await _queue!.PredictAsync(() => [Row(sequences: 0)], CancellationToken.None).WaitAsync(Long);

        Assert.HasCount(1, predictions);
        Assert.IsEmpty(_batches);
    }

    [TestMethod]
    public async Task Full_queue_refuses_calls_without_reading_them()
    {
        Open(capacity: 2, refuseWhenFull: true);
        var busy = Occupy();
        Task[] waiting = [AskAsync(), AskAsync()];
        var read = _read;

        await Assert.ThrowsExactlyAsync<PredictionQueueFullException>(() => AskAsync());

        Assert.AreEqual(read, _read);
        _go.Set();
        await Task.WhenAll([busy, .. waiting]).WaitAsync(Long);
    }

    [TestMethod]
    public async Task Call_that_would_wait_too_long_is_refused_without_being_read()
    {
        Open(refuseWhenFull: true, maxWait: TimeSpan.FromSeconds(1));
        await LearnAsync(TimeSpan.FromMilliseconds(100));
        var busy = Occupy();
        var waiting = AskAsync(sequences: BatchPlanner.CoreBudget / 3 + 20); // Of three tokens each: more than the core computes at once.
        var read = _read;

        // With those of the busy call 60 tokens or more are beyond a batch, each 33 ms or more.
        Assert.IsGreaterThan(TimeSpan.FromSeconds(1.5), _queue!.ExpectedWait);
        await Assert.ThrowsExactlyAsync<PredictionQueueFullException>(() => AskAsync());

        Assert.AreEqual(read, _read);
        _go.Set();
        await Task.WhenAll(busy, waiting).WaitAsync(Long);
        AssertNoneWaits();
        await AskAsync().WaitAsync(Long);
    }

    [TestMethod]
    public async Task What_fits_the_next_batch_is_taken_however_slow_the_last_one_was()
    {
        Open(refuseWhenFull: true, maxWait: TimeSpan.Zero);
        await LearnAsync(TimeSpan.FromMilliseconds(100));
        var busy = Occupy();

        Task[] waiting = [AskAsync(sequences: 40), AskAsync(sequences: 40)]; // 240 tokens.
        AssertNoneWaits();

        _go.Set();
        await Task.WhenAll([busy, .. waiting]).WaitAsync(Long);
    }

    [TestMethod]
    public async Task Calls_that_are_cancelled_or_fail_keep_nobody_waiting()
    {
        Open(refuseWhenFull: true);
        await LearnAsync(TimeSpan.FromMilliseconds(100));
        var busy = Occupy();
        using var cancellation = new CancellationTokenSource();
        var cancelled = AskAsync(sequences: 200, cancellation.Token);
        Assert.IsGreaterThan(TimeSpan.Zero, _queue!.ExpectedWait);

        await cancellation.CancelAsync();
        _go.Set();
        await busy.WaitAsync(Long, CancellationToken.None);
        await AskAsync().WaitAsync(Long, CancellationToken.None);

        await Assert.ThrowsAsync<OperationCanceledException>(() => cancelled);
        AssertNoneWaits();
    }

    [TestMethod]
    public async Task Call_that_waits_for_room_is_read_when_there_is_some()
    {
        Open(capacity: 1);
        var busy = Occupy();
        var inside = AskAsync();
        var read = _read;

        var outside = AskAsync();

        Assert.AreEqual(read, _read);
        _go.Set();
        await Task.WhenAll(busy, inside, outside).WaitAsync(Long);
        Assert.AreEqual(read + 1, _read);
    }

    [TestMethod]
    public async Task Cancelled_call_ends_at_once_and_is_not_computed()
    {
        Open(maxBatchSize: 1);
        var busy = Occupy();
        using var cancellation = new CancellationTokenSource();
        var cancelled = AskAsync(sequences: 5, cancellation.Token);
        var other = AskAsync(sequences: 2);

        await cancellation.CancelAsync();

        await Assert.ThrowsAsync<OperationCanceledException>(() => cancelled.WaitAsync(Long, CancellationToken.None));
        Assert.IsFalse(other.IsCompleted);
        _go.Set();
        await Task.WhenAll(busy, other).WaitAsync(Long);
        CollectionAssert.AreEqual(new[] { 1, 2 }, _batches.ToArray());
    }

    [TestMethod]
    public async Task Call_that_is_cancelled_before_it_comes_is_not_read()
    {
        Open();

        await Assert.ThrowsAsync<OperationCanceledException>(() => AskAsync(1, new CancellationToken(canceled: true)));

        Assert.AreEqual(0, _read);
    }

    [TestMethod]
    public async Task Dispose_completes_the_batch_that_is_computed_and_fails_calls_that_wait()
    {
        Open(capacity: 1);
        var busy = Occupy();
        Task[] waiting = [AskAsync(), AskAsync()]; // The second waits for room.

        var disposing = Task.Run(_queue!.Dispose);

        foreach (var call in waiting)
            await Assert.ThrowsExactlyAsync<ObjectDisposedException>(() => call.WaitAsync(Long));
        Assert.IsFalse(disposing.IsCompleted);
        _go.Set();
        await Task.WhenAll(disposing, busy).WaitAsync(Long);
        await Assert.ThrowsExactlyAsync<ObjectDisposedException>(() => AskAsync());
    }

    [TestMethod]
    public async Task Every_row_leaves_its_model_whatever_becomes_of_it()
    {
        Open(maxBatchSize: 1, capacity: 2);
        using var cancellation = new CancellationTokenSource();
        Task[] calls = [Occupy(), AskAsync(1, cancellation.Token), AskAsync(), AskAsync()];
        await cancellation.CancelAsync();
        var disposing = Task.Run(_queue!.Dispose);
        _go.Set();
        await disposing.WaitAsync(Long);
        await Task.WhenAll(calls).ContinueWith(_ => { }, TaskScheduler.Default).WaitAsync(Long);
        var tensor = _model.Model.Tensors["prefix"];

        _model.Dispose(); // Frees the tensors if nobody else uses them.

        Assert.IsTrue(tensor.IsInvalid);
    }

    private void Open(int maxBatchSize = 8, int capacity = 100, bool refuseWhenFull = false, TimeSpan? maxWait = null) =>
        _queue = new PredictionQueue(new(maxBatchSize, TimeSpan.Zero, capacity, refuseWhenFull, maxWait, new JobLimit(1)));

    /// <summary>A batch of 3 tokens that takes at least so long.</summary>
    private async Task LearnAsync(TimeSpan time)
    {
        var call = Occupy();
        await Task.Delay(time);
        _go.Set();
        await call.WaitAsync(Long);
        Assert.IsTrue(SpinWait.SpinUntil(() => _queue!.Running == 0, Long)); // The answer comes a moment before the batch ends.
        _go.Reset();
        _batches.Clear();
    }

    /// <summary>A call that is being computed when this returns.</summary>
    private Task Occupy()
    {
        var call = AskAsync();
        Assert.IsTrue(SpinWait.SpinUntil(() => !_batches.IsEmpty, Long));
        return call;
    }

    // A batch ends a moment after its last answer.
    private void AssertNoneWaits() => Assert.IsTrue(SpinWait.SpinUntil(() => _queue!.ExpectedWait == TimeSpan.Zero, Long));

    private Task AskAsync(int sequences = 1, CancellationToken token = default) => _queue!.PredictAsync(() => [Row(sequences)], token);

    private Task AskRowsAsync(int rows) => _queue!.PredictAsync(() => [.. Enumerable.Range(0, rows).Select(_ => Row(sequences: 1))], CancellationToken.None);

    private QueuedRow Row(int sequences)
    {
        _read++;
        _model.Model.Enter();
        var tokens = new EncodedRow([2, 5, 3], [0, 0, 0]);
        ExamplePart[] parts = sequences == 0 ? [] : [new ExamplePart([.. Enumerable.Repeat(tokens, sequences)], [])];
        return new QueuedRow(_model.Model, new Example(parts, IsTruncated: false));
    }
}
