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
        _load.Add(1_000_000, parts: 1);

        Assert.AreEqual(TimeSpan.Zero, _load.Wait(cores: 1, batchTokens: 0, batchParts: 1));
    }

    [TestMethod]
    public void Wait_is_the_work_beyond_a_round_shared_by_the_cores()
    {
        _load.Learn(100, TimeSpan.FromSeconds(1)); // 10 ms per token.
        _load.Add(300, parts: 3);

        Assert.AreEqual(1, _load.Wait(cores: 2, batchTokens: 50, batchParts: 100).TotalSeconds, 1e-9);
        Assert.AreEqual(TimeSpan.Zero, _load.Wait(cores: 2, batchTokens: 150, batchParts: 100));
        _load.Remove(150, parts: 1);
        Assert.AreEqual(0.25, _load.Wait(cores: 2, batchTokens: 50, batchParts: 100).TotalSeconds, 1e-9);
    }

    [TestMethod]
    public void A_round_has_no_more_than_the_most_parts_per_batch()
    {
        _load.Learn(100, TimeSpan.FromSeconds(1));
        _load.Add(300, parts: 100); // 3 tokens each: two batches of 10 hold 60.

        Assert.AreEqual(1.2, _load.Wait(cores: 2, batchTokens: 512, batchParts: 10).TotalSeconds, 1e-9);
    }

    [TestMethod]
    public void Earlier_batches_weigh_by_their_tokens_and_less_and_less()
    {
        _load.Learn(10, TimeSpan.FromSeconds(1)); // The first batch of a process is slow.
        _load.Learn(200, TimeSpan.FromSeconds(0.2));
        _load.Add(1000, parts: 1);

        Assert.AreEqual(1000 * (0.9 * 1 + 0.2) / (0.9 * 10 + 200), _load.Wait(cores: 1, batchTokens: 0, batchParts: 1).TotalSeconds, 1e-6);
        for (var batch = 0; batch < 200; batch++)
            _load.Learn(200, TimeSpan.FromSeconds(0.2));
        Assert.AreEqual(1, _load.Wait(cores: 1, batchTokens: 0, batchParts: 1).TotalSeconds, 1e-6);
    }
}
