using System.Diagnostics;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Tasks;
using TorchSharp;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>How rows of many callers share batches.</summary>
/// <param name="MaxBatchSize">Largest number of parts per batch.</param>
/// <param name="MaxDelay">How long a row waits for others while a core is free.</param>
/// <param name="Capacity">How many calls may wait.</param>
/// <param name="RefuseWhenFull">Whether a call fails when the queue is full; otherwise it waits for room.</param>
/// <param name="MaxWait">How long a call may be expected to wait if the queue refuses calls; null for any time.</param>
/// <param name="Limit">How many batches the CPU computes at the same time; null for one per core.</param>
internal sealed record QueueSettings(int MaxBatchSize, TimeSpan MaxDelay, int Capacity, bool RefuseWhenFull, TimeSpan? MaxWait = null, JobLimit? Limit = null);

/// <summary>Gathers rows of many callers and models into batches, and computes as many batches at once as there are cores.</summary>
/// <remarks>
/// A dispatcher thread takes the waiting rows when a core is free. If nothing is being computed, it takes them at once; otherwise it waits a moment for
/// more. So a single row loses no time, and batches grow with the load. Safe for any number of threads.
/// </remarks>
internal sealed class PredictionQueue : IDisposable
{
    private readonly QueueSettings _settings;
    private readonly object _gate = new();
    private readonly Queue<Call> _waiting = [];
    private readonly SemaphoreSlim _room;
    private readonly CancellationTokenSource _closing = new();
    private readonly Thread _dispatcher;
    private readonly QueueLoad _load = new();
    private int _waitingRows;
    private int _running;   // Batches being computed.
    private bool _isCpu = true; // Whether the models compute there.
    private bool _isClosed;

    public PredictionQueue(QueueSettings settings)
    {
        _settings = settings;
        _room = new SemaphoreSlim(settings.Capacity);
        _dispatcher = new Thread(Dispatch) { IsBackground = true, Name = "P-Tuning dispatcher" };
        _dispatcher.UnsafeStart();
        ScoringMetrics.Watch(this, () => Volatile.Read(ref _waitingRows));
    }

    /// <summary>About how long a call that comes now waits until its batch begins.</summary>
    public TimeSpan ExpectedWait
    {
        get
        {
            lock (_gate)
            {
                return _load.Wait(Cores(_isCpu), _isCpu ? BatchPlanner.CoreBudget : Predictor.GpuBudget, _settings.MaxBatchSize);
            }
        }
    }

    /// <summary>Batches that are being computed.</summary>
    public int Running
    {
        get
        {
            lock (_gate)
                return _running;
        }
    }

    /// <summary>Waits for room, unless the settings refuse calls to a full queue, then for the answers of all rows.</summary>
    /// <param name="read">Reads the rows once there is room; refused rows are never read. The queue ends every row that was read.</param>
    /// <exception cref="PredictionQueueFullException">The queue is full, and the settings refuse calls then.</exception>
    /// <exception cref="ObjectDisposedException">The queue was closed before the rows were computed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<Prediction[]> PredictAsync(Func<IReadOnlyList<QueuedRow>> read, CancellationToken cancellationToken)
    {
        await EnterAsync(cancellationToken).ConfigureAwait(false);
        var rows = ReadAndPost(read);

        using var registration = cancellationToken.UnsafeRegister(
            static (waiting, token) =>
            {
                foreach (var row in (IReadOnlyList<QueuedRow>)waiting!)
                    row.Cancel(token);
            },
            rows);
        return await Task.WhenAll(rows.Select(row => row.Answer)).ConfigureAwait(false);
    }

    /// <summary>Refuses new rows, fails those that wait, and returns when those being computed are done.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isClosed = true;
            Monitor.PulseAll(_gate);
        }
        _closing.Cancel();
        _dispatcher.Join();
        ScoringMetrics.Forget(this);
        lock (_gate)
        {
            while (_running > 0)
                Monitor.Wait(_gate);
        }
    }

    private async Task EnterAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_settings.RefuseWhenFull && _settings.MaxWait is { } most && ExpectedWait is var wait && wait > most)
            throw new PredictionQueueFullException(wait, most);
        if (_room.Wait(0, CancellationToken.None))
            return;
        if (_settings.RefuseWhenFull)
            throw new PredictionQueueFullException(_settings.Capacity);

        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        try
        {
            await _room.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Closed();
        }
    }

    private IReadOnlyList<QueuedRow> ReadAndPost(Func<IReadOnlyList<QueuedRow>> read)
    {
        IReadOnlyList<QueuedRow> rows = [];
        try
        {
            rows = read();
            Post(rows);
            return rows;
        }
        catch
        {
            _room.Release();
            foreach (var row in rows)
                row.Abandon();
            throw;
        }
    }

    private void Post(IReadOnlyList<QueuedRow> rows)
    {
        lock (_gate)
        {
            if (_isClosed)
                throw Closed();
            _waiting.Enqueue(new Call(rows, Stopwatch.GetTimestamp()));
            _waitingRows += rows.Count;
            _isCpu = IsCpu(rows[0]);
            _load.Add(rows.Sum(TokensOf), rows.Sum(row => row.Parts.Count));
            Monitor.PulseAll(_gate);
        }
    }

    private void Dispatch()
    {
        while (true)
        {
            var (rows, free) = Take();
            if (free == 0)
                break;
            Start(rows, free);
        }
        AbandonWaiting();
    }

    private void AbandonWaiting()
    {
        lock (_gate)
        {
            while (_waiting.TryDequeue(out var call))
                foreach (var row in call.Rows)
                    row.Abandon(Closed());
            _waitingRows = 0;
        }
    }

    /// <summary>Waits for rows and a free core. If other rows are being computed, it also waits for enough rows or the end of the delay.</summary>
    /// <returns>
    /// Rows for all cores, so that rows of similar length can share a batch, and the number of free cores; no rows and 0 if the queue is closed.
    /// </returns>
    private (List<QueuedRow> Rows, int Free) Take()
    {
        lock (_gate)
        {
            while (!_isClosed)
            {
                if (!_waiting.TryPeek(out var first) || _running >= Cores(first))
                {
                    Monitor.Wait(_gate);
                    continue;
                }

                var delay = _running > 0 && _waitingRows < _settings.MaxBatchSize ? first.RemainingMilliseconds(_settings.MaxDelay) : 0;
                if (delay <= 0)
                    return (TakeRows((long)Cores(first) * _settings.MaxBatchSize), Cores(first) - _running);
                Monitor.Wait(_gate, delay);
            }
            return ([], 0);
        }
    }

    private List<QueuedRow> TakeRows(long most)
    {
        var rows = new List<QueuedRow>();
        while (_waiting.TryPeek(out var call) && (rows.Count == 0 || rows.Count + call.Rows.Count <= most))
        {
            _waiting.Dequeue();
            _waitingRows -= call.Rows.Count;
            _room.Release();
            rows.AddRange(call.Rows);
        }
        return rows;
    }

    private void Start(List<QueuedRow> rows, int free)
    {
        var parts = new List<QueuedPart>();
        foreach (var row in rows)
        {
            if (row.IsAnswered)
                Abandon(row);
            else if (row.Parts.Count == 0)
                row.Decode();
            else
                parts.AddRange(Enumerable.Range(0, row.Parts.Count).Select(i => new QueuedPart(row, i)));
        }
        if (parts.Count == 0)
            return;

        var isCpu = IsCpu(rows[0]);
        foreach (var batch in Plan(parts, isCpu ? BudgetOf(parts, free) : Predictor.GpuBudget))
        {
            lock (_gate)
            {
                while (_running >= Cores(isCpu))
                    Monitor.Wait(_gate);
                _running++;
            }
            var start = Stopwatch.GetTimestamp();
            if (isCpu)
                WorkerThreads.Shared.Post(() => Compute(batch, start), _settings.Limit);
            else
                Task.Run(() => Compute(batch, start));
        }
    }

    private QueuedPart[][] Plan(List<QueuedPart> parts, int budget)
    {
        try
        {
            return [.. MixedBatchPlanner.Plan(parts, budget, _settings.MaxBatchSize)];
        }
        catch (Exception e) // An exception here would end the dispatcher and the process.
        {
            foreach (var row in parts.Select(p => p.Row).Distinct())
                Abandon(row, e);
            return [];
        }
    }

    private void Abandon(QueuedRow row, Exception? reason = null)
    {
        lock (_gate)
            _load.Remove(TokensOf(row), row.Parts.Count);
        row.Abandon(reason);
    }

    /// <param name="start">When a core was free for it, in <see cref="Stopwatch"/> ticks.</param>
    private void Compute(QueuedPart[] batch, long start)
    {
        long computed = 0;
        try
        {
            QueuedPart[] wanted = [.. batch.Where(p => !p.Row.IsAnswered)];
            var outputs = wanted.Length > 0 ? MixedBatch.Run([.. wanted.Select(p => new ModelPart(p.Row.Model, p.Part))], CheckWanted) : [];
            foreach (var (part, values) in wanted.Zip(outputs))
                part.Row.SetPart(part.Index, values);
            if (wanted.Length > 0)
                ScoringMetrics.CountBatch(wanted.Length);
            computed = TokensOf(wanted);

            void CheckWanted()
            {
                if (wanted.All(part => part.Row.IsAnswered))
                    throw new OperationCanceledException();
            }
        }
        catch (Exception e)
        {
            foreach (var part in batch)
                part.Row.Fail(e);
        }
        finally
        {
            foreach (var part in batch)
                part.Row.EndPart();
            lock (_gate)
            {
                _load.Remove(TokensOf(batch), batch.Length);
                if (computed > 0)
                    _load.Learn(computed, Stopwatch.GetElapsedTime(start));
                _running--;
                Monitor.PulseAll(_gate);
            }
        }
    }

    // Tokens per batch, so that each free core gets a share.
    private static int BudgetOf(List<QueuedPart> parts, int free) =>
        (int)Math.Min(BatchPlanner.CoreBudget, parts.Sum(MixedBatchPlanner.TokensOf) / free + 1);

    private static long TokensOf(IEnumerable<QueuedPart> parts) => parts.Sum(part => (long)part.Part.Tokens);

    private static long TokensOf(QueuedRow row) => row.Parts.Sum(part => (long)part.Tokens);

    private static bool IsCpu(QueuedRow row) => row.Model.Device.type == DeviceType.CPU;

    private int Cores(Call call) => Cores(IsCpu(call.Rows[0]));

    private int Cores(bool isCpu) => isCpu ? Math.Min(WorkerThreads.Shared.Count, _settings.Limit?.Jobs ?? int.MaxValue) : 1;

    private static ObjectDisposedException Closed() => new(nameof(PTuningV2MultiTaskPredictor));

    /// <param name="Rows">One per model of the call, at least one.</param>
    /// <param name="Since">When the call came, in <see cref="Stopwatch"/> ticks.</param>
    private readonly record struct Call(IReadOnlyList<QueuedRow> Rows, long Since)
    {
        /// <returns>The rest of a delay, rounded up.</returns>
        public int RemainingMilliseconds(TimeSpan delay) => (int)Math.Ceiling((delay - Stopwatch.GetElapsedTime(Since)).TotalMilliseconds);
    }
}
