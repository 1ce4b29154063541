using System.Runtime.ExceptionServices;
using TorchSharp;

namespace Microsoft.ML.PTuning.Batching;

/// <summary>Threads whose tensor operations stay on one core.</summary>
/// <remarks>An operation that is spread over the cores leaves threads spinning there for a while, in the way of the workers.</remarks>
internal static class SingleCoreThread
{
    private static readonly object Gate = new();

    /// <summary>Starts a thread that ends with <paramref name="work"/>, or with the process; returns when its work begins.</summary>
    public static void Start(string name, Action work)
    {
        using var begun = new ManualResetEventSlim();
        new Thread(() =>
        {
            UseOneCore();
            begun.Set();
            work();
        })
        { IsBackground = true, Name = name }.Start();
        begun.Wait();
    }

    /// <summary>Runs <paramref name="work"/> on such a thread, and waits for it.</summary>
    /// <exception cref="Exception">What the work threw.</exception>
    public static T Run<T>(string name, Func<T> work)
    {
        using var done = new ManualResetEventSlim();
        T? result = default;
        ExceptionDispatchInfo? failure = null;
        Start(name, () =>
        {
            try
            {
                result = work();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
            finally
            {
                done.Set();
            }
        });
        done.Wait();
        failure?.Throw();
        return result!;
    }

    // torch keeps the number of its threads by thread, but what one sets also becomes the default of all threads to come. That default is the
    // application's: asking takes it over here, and another thread, of no other use, sets it again.
    private static void UseOneCore()
    {
        lock (Gate)
        {
            var applicationDefault = torch.get_num_threads();
            torch.set_num_threads(1);
            var restoring = new Thread(() => torch.set_num_threads(applicationDefault));
            restoring.Start();
            restoring.Join();
        }
    }
}
