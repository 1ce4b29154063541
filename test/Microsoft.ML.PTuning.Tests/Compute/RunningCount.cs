namespace Microsoft.ML.PTuning.Tests.Compute;

/// <summary>How many threads are at one place at the same time.</summary>
internal sealed class RunningCount
{
    private readonly ManualResetEventSlim _enough = new();
    private int _now;

    /// <summary>The first waits until so many have come, or for a while where they never do.</summary>
    public required int Expected { get; init; }

    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);

    public int Most { get; private set; }

    public void Run()
    {
        lock (_enough)
        {
            Most = Math.Max(Most, ++_now);
            if (_now >= Expected)
                _enough.Set();
        }
        _enough.Wait(Patience);
        Thread.Sleep(1); // Gives one too many the time to come.
        lock (_enough)
            _now--;
    }
}
