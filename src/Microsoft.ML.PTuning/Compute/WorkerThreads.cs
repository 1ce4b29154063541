using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Microsoft.ML.PTuning.Compute;

/// <summary>Threads that each compute with one core: several small batches side by side beat one batch spread over the cores.</summary>
/// <remarks>
/// All that runs an encoder on the CPU runs here, a single row too: however many threads ask, no more compute than there are cores (OpenMP's
/// threads spin while they wait for each other, which on a busy machine costs many times the work), and the bits do not depend on who asks.
/// </remarks>
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

    /// <summary>Runs <paramref name="job"/> when a thread is free, and does not wait for it.</summary>
    /// <param name="job">It throws nothing: an exception would end the process.</param>
    public void Post(Action job) => _jobs.Add(job);

    private void Work()
    {
        foreach (var job in _jobs.GetConsumingEnumerable())
            job();
    }
}
