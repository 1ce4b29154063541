using System.Runtime.ExceptionServices;

namespace Microsoft.ML.PTuning.Compute;

/// <summary>Threads that each compute on one core: several small batches side by side beat one batch spread over the cores.</summary>
/// <remarks>
/// <para>
/// Every encoder on the CPU runs here, also for a single row. The number of computing threads never exceeds the number of cores, however many callers
/// there are. (OpenMP's threads spin while they wait for each other; on a busy machine that costs many times the work.) The bits do not depend on the
/// caller.
/// </para>
/// <para>
/// Urgent jobs go first. An online row waits neither for a file nor for a batch, because a job that is not urgent runs the urgent ones between its
/// pieces (<see cref="RunUrgent"/>). Other callers take turns: each caller of <see cref="Run"/> has at most one job per thread in the queue.
/// </para>
/// </remarks>
internal sealed class WorkerThreads
{
    private static readonly Lazy<WorkerThreads> LazyShared = new(() => new WorkerThreads(Environment.ProcessorCount));

    [ThreadStatic]
    private static WorkerThreads? _owner; // The current thread's owner; null if the thread is no worker.

    [ThreadStatic]
    private static Job? _current; // The job that the current thread runs.

    private readonly object _gate = new();
    private readonly List<Job> _urgent = [], _others = [];
    private volatile int _urgentJobs;

    /// <summary>Starts the threads, which end with the process.</summary>
    public WorkerThreads(int count)
    {
        Count = count;
        for (var i = 0; i < count; i++)
            SingleCoreThread.Start($"P-Tuning worker {i}", Work);
    }

    /// <summary>The threads of the process, one per core.</summary>
    public static WorkerThreads Shared => LazyShared.Value;

    public int Count { get; }

    /// <summary>Runs the waiting urgent jobs if the current thread runs a job that is not urgent. A long job calls this between its pieces.</summary>
    public static void RunUrgent()
    {
        ProcessEnd.Pause();
        if (_owner is not { _urgentJobs: > 0 } owner || _current is not { IsUrgent: false } current)
            return;

        while (owner.TakeUrgent(current.Limit) is { } job)
        {
            _current = job;
            job.Action();
            _current = current;
            owner.End(job);
            ProcessEnd.Pause();
        }
    }

    /// <summary>Runs <paramref name="job"/> for 0 to <paramref name="jobs"/> - 1 and waits. A job must not call it.</summary>
    /// <param name="isUrgent">Whether the jobs go before jobs that are not urgent.</param>
    /// <param name="limit">How many run at the same time; null for one per thread.</param>
    /// <exception cref="Exception">What the first failing job threw, after all have ended.</exception>
    public void Run(int jobs, Action<int> job, bool isUrgent = false, JobLimit? limit = null)
    {
        using var done = new CountdownEvent(jobs);
        Exception? failure = null;
        var queued = 0;
        for (var i = Math.Min(jobs, Count); i > 0; i--)
            QueueNext();
        ProcessEnd.WaitFor(done.Wait);
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);

        void QueueNext()
        {
            var index = Interlocked.Increment(ref queued) - 1;
            if (index < jobs)
                Add(new Job(() => RunOne(index), isUrgent, limit));
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
    /// <param name="job">It must not throw: an exception would end the process.</param>
    /// <inheritdoc cref="Run" path="/param[@name='limit']"/>
    public void Post(Action job, JobLimit? limit = null) => Add(new Job(job, IsUrgent: true, limit));

    private void Add(Job job)
    {
        lock (_gate)
        {
            (job.IsUrgent ? _urgent : _others).Add(job);
            _urgentJobs = _urgent.Count;
            Monitor.Pulse(_gate);
        }
    }

    private void Work()
    {
        _owner = this;
        while (true)
        {
            _current = Take();
            ProcessEnd.Enter();
            _current.Action();
            ProcessEnd.Leave();
            End(_current);
        }
    }

    private Job Take()
    {
        lock (_gate)
        {
            while (true)
            {
                if ((TryTake(_urgent, limitOfThread: null) ?? TryTake(_others, limitOfThread: null)) is { } job)
                    return job;
                Monitor.Wait(_gate);
            }
        }
    }

    private Job? TakeUrgent(JobLimit? limitOfThread)
    {
        lock (_gate)
            return TryTake(_urgent, limitOfThread);
    }

    /// <summary>Takes the first job whose limit has room.</summary>
    /// <param name="limitOfThread">The limit of the interrupted job. A job under the same limit needs no further core, so it may run.</param>
    private Job? TryTake(List<Job> jobs, JobLimit? limitOfThread)
    {
        var index = jobs.FindIndex(job => job.Limit is not { } limit || limit == limitOfThread || limit.Running < limit.Jobs);
        if (index < 0)
            return null;

        var job = jobs[index];
        jobs.RemoveAt(index);
        _urgentJobs = _urgent.Count;
        if (job.Limit is not null)
            job.Limit.Running++;
        return job;
    }

    private void End(Job job)
    {
        if (job.Limit is null)
            return;

        lock (_gate)
        {
            job.Limit.Running--;
            Monitor.Pulse(_gate); // There may be room for a job that was passed over.
        }
    }

    private sealed record Job(Action Action, bool IsUrgent, JobLimit? Limit);
}
