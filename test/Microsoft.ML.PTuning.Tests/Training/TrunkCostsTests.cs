using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>Where the trunk's output is cached, for given sizes and times.</summary>
[TestClass]
public sealed class TrunkCostsTests
{
    private const long Megabyte = 1 << 20, Gigabyte = 1L << 30;

    /// <summary>What a disk gives in 100 seconds, at 200 MB a second.</summary>
    private const long HundredSeconds = 20_000_000_000;

    [TestMethod]
    [DataRow(1024, 1024, nameof(TrunkPlace.Memory))]
    [DataRow(1025, 1024, nameof(TrunkPlace.File))]
    [DataRow(1, 0, nameof(TrunkPlace.File))]
    public void What_fits_in_memory_is_cached_however_fast_it_is_computed(long megabytes, long allowed, string place) =>
        Assert.AreEqual(place, $"{new TrunkCosts(megabytes * Megabyte, ComputeSeconds: 0).Place(allowed * Megabyte, 16 * Gigabyte, epochs: 2)}");

    [TestMethod]
    public void Memory_that_is_allowed_but_not_there_is_not_taken()
    {
        var costs = new TrunkCosts(2 * Gigabyte, ComputeSeconds: 1e6);

        Assert.AreEqual(TrunkPlace.Memory, costs.Place(8 * Gigabyte, 4 * Gigabyte, epochs: 3));
        Assert.AreEqual(TrunkPlace.File, costs.Place(8 * Gigabyte, 4 * Gigabyte - 1, epochs: 3));
    }

    [TestMethod]
    [DataRow(Megabyte)]
    [DataRow(HundredSeconds)]
    public void Single_epoch_caches_nothing(long bytes) => Assert.AreEqual(TrunkPlace.Nowhere, new TrunkCosts(bytes, 1e9).Place(Gigabyte, Gigabyte, epochs: 1));

    /// <summary>The cache writes all states once and reads them in n epochs; it saves the trunk in n - 1: (n + 1) * 100 s against (n - 1) * computing.</summary>
    [TestMethod]
    [DataRow(2, 299, nameof(TrunkPlace.Nowhere))]
    [DataRow(2, 301, nameof(TrunkPlace.File))]
    [DataRow(3, 199, nameof(TrunkPlace.Nowhere))]
    [DataRow(3, 201, nameof(TrunkPlace.File))]
    [DataRow(11, 119, nameof(TrunkPlace.Nowhere))]
    [DataRow(11, 121, nameof(TrunkPlace.File))]
    [DataRow(1_000_000, 99, nameof(TrunkPlace.Nowhere))]
    [DataRow(int.MaxValue, 99, nameof(TrunkPlace.Nowhere))]
    public void From_a_disk_the_cache_must_save_more_than_it_costs(int epochs, int computeSeconds, string place) =>
        Assert.AreEqual(place, $"{new TrunkCosts(HundredSeconds, computeSeconds).Place(Gigabyte, Gigabyte, epochs)}");

    /// <summary>50 billion operations a second and core.</summary>
    [TestMethod]
    [DataRow(1, 4.0)]
    [DataRow(8, 0.5)]
    public void Cores_compute_side_by_side(int cores, double seconds) =>
        Assert.AreEqual(seconds, TrunkCosts.Of(bytes: 0, tokens: 2_000, operations: 1e8, cores, CPU).ComputeSeconds, 1e-9);
}
