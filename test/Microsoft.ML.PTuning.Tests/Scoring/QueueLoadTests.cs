using Microsoft.ML.PTuning.Scoring;

namespace Microsoft.ML.PTuning.Tests.Scoring;

/// <summary>The expected wait against its formula: tokens beyond a round, by the cores, by the time that a token took.</summary>
[TestClass]
public sealed class QueueLoadTests
{
    private readonly QueueLoad _load = new();

    [TestMethod]
    public void Nothing_is_expected_before_the_first_batch()
    {
        _load.Add(1_000_000);

        Assert.AreEqual(TimeSpan.Zero, _load.Wait(cores: 1, round: 0));
    }

    [TestMethod]
    public void Wait_is_the_work_beyond_a_round_shared_by_the_cores()
    {
        _load.Learn(100, TimeSpan.FromSeconds(1)); // 10 ms per token.
        _load.Add(300);

        Assert.AreEqual(1, _load.Wait(cores: 2, round: 100).TotalSeconds, 1e-9);
        Assert.AreEqual(TimeSpan.Zero, _load.Wait(cores: 2, round: 300));
        _load.Remove(150);
        Assert.AreEqual(0.25, _load.Wait(cores: 2, round: 100).TotalSeconds, 1e-9);
    }

    [TestMethod]
    public void Earlier_batches_weigh_by_their_tokens_and_less_and_less()
    {
        _load.Learn(10, TimeSpan.FromSeconds(1)); // The first batch of a process is slow.
        _load.Learn(200, TimeSpan.FromSeconds(0.2));
        _load.Add(1000);

        Assert.AreEqual(1000 * (0.9 * 1 + 0.2) / (0.9 * 10 + 200), _load.Wait(cores: 1, round: 0).TotalSeconds, 1e-6);
        for (var batch = 0; batch < 200; batch++)
            _load.Learn(200, TimeSpan.FromSeconds(0.2));
        Assert.AreEqual(1, _load.Wait(cores: 1, round: 0).TotalSeconds, 1e-6);
    }
}
