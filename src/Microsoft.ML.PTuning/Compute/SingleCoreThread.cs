using System.Runtime.ExceptionServices;
using TorchSharp;

namespace Microsoft.ML.PTuning.Compute;

/// <summary>Threads whose tensor operations stay on one core.</summary>
/// <remarks>An operation that is spread over the cores leaves threads spinning there for a while, in the way of the workers.</remarks>
internal static class SingleCoreThread
{
    private static readonly object Gate = new();

    /// <summary>Starts a thread that ends with <paramref name="work"/>, or with the process; returns when its work begins.</summary>
    /// <remarks>The caller's <see cref="ExecutionContext"/> does not flow: the thread, which works for others too, would keep it alive.</remarks>
    /// <exception cref="Exception">What kept the thread from its work.</exception>
    public static void Start(string name, Action work) => Begin(name, work, thread => thread.UnsafeStart());

    /// <summary>Runs <paramref name="work"/> on such a thread, in the caller's <see cref="ExecutionContext"/>, and waits for it.</summary>
    /// <exception cref="Exception">What the work threw, or what kept the thread from it.</exception>
    public static T Run<T>(string name, Func<T> work)
    {
        using var done = new ManualResetEventSlim();
        T? result = default;
        ExceptionDispatchInfo? failure = null;
        Begin(name, () =>
        {
            failure = FailureOf(() => result = work());
            done.Set();
        }, thread => thread.Start());
        done.Wait();
        failure?.Throw();
        return result!;
    }

    private static void Begin(string name, Action work, Action<Thread> start)
    {
        using var begun = new ManualResetEventSlim();
        ExceptionDispatchInfo? failure = null;
        start(new Thread(() =>
        {
            failure = FailureOf(UseOneCore);
            begun.Set();
            if (failure is null)
                work();
        })
        { IsBackground = true, Name = name });
        begun.Wait();
        failure?.Throw();
    }

    // An exception that leaves a thread's work would end the process.
    private static ExceptionDispatchInfo? FailureOf(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (Exception e)
        {
            return ExceptionDispatchInfo.Capture(e);
        }
    }

    // torch keeps the number of its threads per thread, but setting it also sets the default of the process, which a thread takes over when it first
    // uses torch. torch has no call that sets one without the other. So this thread takes over the default and sets 1, and another thread, which waits
    // for that and does nothing else, sets the default again. In between, for microseconds, a thread of the application that uses torch for the first
    // time takes over 1. Its results stay right: its operations use one core until it calls set_num_threads itself.
    private static void UseOneCore()
    {
        lock (Gate)
        {
            var applicationDefault = torch.get_num_threads();
            using ManualResetEventSlim isReady = new(), isSet = new(initialState: false, spinCount: 2047);
            ExceptionDispatchInfo? failure = null;
            var restoring = new Thread(() =>
            {
                isReady.Set();
                isSet.Wait();
                failure = FailureOf(() => torch.set_num_threads(applicationDefault));
            });
            restoring.Start();
            isReady.Wait();
            try
            {
                torch.set_num_threads(1);
            }
            finally
            {
                isSet.Set();
                restoring.Join();
            }
            failure?.Throw();
        }
    }
}
