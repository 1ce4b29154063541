using System.Runtime.ExceptionServices;

namespace Microsoft.ML.PTuning.Compute;

/// <summary>Threads that each compute on one core: several small batches side by side beat one batch spread over the cores.</summary>
/// <remarks>
/// <para>
/// All that runs an encoder on the CPU runs here, a single row too. However many threads ask, there is no more compute than cores (the threads of
/// OpenMP spin while they wait for each other, which on a busy machine costs many times the work), and the bits do not depend on who asks.
/// </para>
/// <para>
/// Urgent jobs go first: a row that somebody waits for online waits for one batch at most, not for a whole file. The others take turns: each caller
/// of <see cref="Run"/> has no more jobs in the queue than there are threads.
/// </para>
/// </remarks>
internal sealed class WorkerThreads
{
    private static readonly Lazy<WorkerThreads> LazyShared = new(() => new WorkerThreads(Environment.ProcessorCount));

    private readonly object _gate = new();
    private readonly Queue<Action> _urgent = [], _others = [];

    /// <summary>Starts threads, which end with the process.</summary>
    public WorkerThreads(int count)
    {
        Count = count;
        for (var i = 0; i < count; i++)
            SingleCoreThread.Start($"P-Tuning worker {i}", Work);
    }

    /// <summary>One set of threads for the whole process, as many as there are cores; they end with it.</summary>
    public static WorkerThreads Shared => LazyShared.Value;

    public int Count { get; }

    /// <summary>Runs <paramref name="job"/> for 0 to <paramref name="jobs"/> - 1 and waits. Not to be called from within a job.</summary>
    /// <param name="isUrgent">Whether the jobs go before those that are not.</param>
    /// <exception cref="Exception">What the first failing job threw, after all have ended.</exception>
    public void Run(int jobs, Action<int> job, bool isUrgent = false)
    {
        using var done = new CountdownEvent(jobs);
        Exception? failure = null;
        var queued = 0;
        for (var i = Math.Min(jobs, Count); i > 0; i--)
            QueueNext();
        done.Wait();
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);

        void QueueNext()
        {
            var index = Interlocked.Increment(ref queued) - 1;
            if (index < jobs)
                Add(() => RunOne(index), isUrgent);
        }

        void RunOne(int index)
        {
            try
            {
                if (Volatile.Read(ref failure) is null)
                    job(index);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
            }
            finally
            {
                QueueNext();
                done.Signal();
            }
        }
    }

    /// <summary>Runs an urgent <paramref name="job"/> when a thread is free, and does not wait for it.</summary>
    /// <param name="job">It throws nothing: an exception would end the process.</param>
    public void Post(Action job) => Add(job, isUrgent: true);

    private void Add(Action job, bool isUrgent)
    {
        lock (_gate)
        {
            (isUrgent ? _urgent : _others).Enqueue(job);
            Monitor.Pulse(_gate);
        }
    }

    private void Work()
    {
        while (true)
            Take()();
    }

    private Action Take()
    {
        lock (_gate)
        {
            while (true)
            {
                if (_urgent.TryDequeue(out var job) || _others.TryDequeue(out job))
                    return job;
                Monitor.Wait(_gate);
            }
        }
    }
}
