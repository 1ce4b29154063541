using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using TorchSharp;

namespace Microsoft.ML.PTuning.Batching;

/// <summary>Threads that each compute with one core: several small batches side by side beat one batch spread over the cores.</summary>
internal sealed class WorkerThreads
{
    private static readonly Lazy<WorkerThreads> LazyShared = new(() => new WorkerThreads(Environment.ProcessorCount));

    private readonly BlockingCollection<Action> _jobs = [];

    private WorkerThreads(int count)
    {
        Count = count;
        for (var i = 0; i < count; i++)
            new Thread(Work) { IsBackground = true, Name = $"P-Tuning worker {i}" }.Start();
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
        torch.set_num_threads(1); // Of this thread alone: OpenMP and MKL keep the number by thread.
        foreach (var job in _jobs.GetConsumingEnumerable())
            job();
    }
}
