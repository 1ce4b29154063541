using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using TorchSharp;

namespace Microsoft.ML.PTuning.Batching;

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
        var starter = new Thread(Start);
        starter.Start();
        starter.Join();
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

    // OpenMP and MKL keep the number of their threads by thread, but torch also makes it the default of every thread to come. That default is
    // the application's; so a thread of no other use looks it up, and sets it again when the workers have theirs.
    private void Start()
    {
        var applicationDefault = torch.get_num_threads();
        using var ready = new CountdownEvent(Count);
        for (var i = 0; i < Count; i++)
            new Thread(() => Work(ready)) { IsBackground = true, Name = $"P-Tuning worker {i}" }.Start();
        ready.Wait();
        torch.set_num_threads(applicationDefault);
    }

    private void Work(CountdownEvent ready)
    {
        _ = torch.get_num_threads(); // A thread takes over the default when it first computes or asks; what it sets holds from then on.
        torch.set_num_threads(1);
        ready.Signal();
        foreach (var job in _jobs.GetConsumingEnumerable())
            job();
    }
}
