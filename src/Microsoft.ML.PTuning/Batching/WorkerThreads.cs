using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Microsoft.ML.PTuning.Batching;

/// <summary>Threads that each compute with one core: several small batches side by side beat one batch spread over the cores.</summary>
internal sealed class WorkerThreads
{
    private static readonly Lazy<WorkerThreads> LazyShared = new(() => new WorkerThreads(Environment.ProcessorCount));

    private readonly BlockingCollection<Action> _jobs = [];

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
    /// <exception cref="Exception">What the first failing job threw, after all have ended.</exception>
    public void Run(int jobs, Action<int> job)
    {
        using var done = new CountdownEvent(jobs);
        Exception? failure = null;
        for (var i = 0; i < jobs; i++)
        {
            var index = i;
            _jobs.Add(() =>
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
                    done.Signal();
                }
            });
        }
        done.Wait();
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }

    private void Work()
    {
        foreach (var job in _jobs.GetConsumingEnumerable())
            job();
    }
}
