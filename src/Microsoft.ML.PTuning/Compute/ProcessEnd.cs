namespace Microsoft.ML.PTuning.Compute;

/// <summary>Keeps threads out of libtorch while the process ends.</summary>
/// <remarks>
/// <para>
/// At the end of a process libtorch frees what its operations use. A thread that is inside of one then ends the process with SIGSEGV instead of its exit
/// code. So when the process begins to end (<see cref="AppDomain.ProcessExit"/>), the pieces of work that run are waited for, and no other begins.
/// </para>
/// <para>Both are limited in time, for work that does not end, and for applications that compute in a handler of their own.</para>
/// </remarks>
internal static class ProcessEnd
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5), Hold = TimeSpan.FromSeconds(10);

    private static readonly object Gate = new();
    private static int _inside;
    private static long _heldUntil; // In milliseconds of TickCount64.

    [ThreadStatic]
    private static bool _isInside; // Whether the current thread is.

    static ProcessEnd() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Wait();

    /// <summary>The current thread goes on to compute. While the process ends, it waits.</summary>
    public static void Enter()
    {
        lock (Gate)
        {
            while (_heldUntil - Environment.TickCount64 is > 0 and var left)
                Monitor.Wait(Gate, (int)left);
            _inside++;
        }
        _isInside = true;
    }

    /// <summary>The current thread waits for others, and does not compute meanwhile.</summary>
    public static void WaitFor(Action wait)
    {
        var computes = Leave();
        try
        {
            wait();
        }
        finally
        {
            if (computes)
                Enter();
        }
    }

    /// <summary>The current thread has computed a piece of its work.</summary>
    /// <returns>Whether it was computing.</returns>
    public static bool Leave()
    {
        if (!_isInside)
            return false;

        _isInside = false;
        lock (Gate)
        {
            _inside--;
            Monitor.PulseAll(Gate);
        }
        return true;
    }

    /// <summary>Between two pieces of a long job: where the process ends, the current thread waits here.</summary>
    public static void Pause()
    {
        if (Volatile.Read(ref _heldUntil) != 0 && Leave())
            Enter();
    }

    private static void Wait()
    {
        Leave(); // A thread that computes may itself have ended the process, as in a handler of progress.
        lock (Gate)
        {
            var now = Environment.TickCount64;
            Volatile.Write(ref _heldUntil, now + (long)Hold.TotalMilliseconds);
            var end = now + (long)Patience.TotalMilliseconds;
            while (_inside > 0 && end - Environment.TickCount64 is > 0 and var left)
                Monitor.Wait(Gate, (int)left);
        }
    }
}
