using System.Runtime.ExceptionServices;
using TorchSharp;

namespace Microsoft.ML.PTuning.Compute;

/// <summary>Threads whose tensor operations stay on one core.</summary>
/// <remarks>An operation on several cores leaves threads that spin there for a while and slow the workers down.</remarks>
internal static class SingleCoreThread
{
    private static readonly object Gate = new();

    /// <summary>Starts a thread that runs <paramref name="work"/> and ends with it or with the process. Returns when the work begins.</summary>
    /// <remarks>The caller's <see cref="ExecutionContext"/> does not flow: the thread, which works for others too, would keep it alive.</remarks>
    /// <exception cref="Exception">The thread could not begin its work.</exception>
    public static void Start(string name, Action work) => Begin(name, work, thread => thread.UnsafeStart());

    /// <summary>Runs <paramref name="work"/> on such a thread, in the caller's <see cref="ExecutionContext"/>, and waits for it.</summary>
    /// <exception cref="Exception">The work threw it, or the thread could not begin the work.</exception>
    public static T Run<T>(string name, Func<T> work)
    {
        using var done = new ManualResetEventSlim();
        T? result = default;
        ExceptionDispatchInfo? failure = null;
        Begin(name, () =>
        {
            ProcessEnd.Enter();
            failure = FailureOf(() => result = work());
            ProcessEnd.Leave();
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

    // torch stores its number of threads per thread, but setting it also sets the default of the process, which a thread takes over when it first uses
    // torch. No call of torch sets one without the other. So this thread sets 1, and a helper thread then restores the default. In between, for
    // microseconds, a thread of the application that uses torch for the first time takes over 1. Its results stay right: its operations use one core
    // until it calls set_num_threads itself.
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
