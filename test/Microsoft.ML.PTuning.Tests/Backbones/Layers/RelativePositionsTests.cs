using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Families;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Tests.Backbones.Families;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Backbones.Layers;

[TestClass]
public sealed class RelativePositionsTests
{
    /// <summary>4 of 8 buckets are near; 5 to 10 are far by ⌈ln(d/4) / ln(63/4) · 3⌉ = 1, 11 to 25 by 2, 26 to 63 by 3.</summary>
    [TestMethod]
    [DataRow(0, 8)]
    [DataRow(1, 9)]
    [DataRow(-4, 4)]
    [DataRow(5, 13)]
    [DataRow(10, 13)]
    [DataRow(11, 14)]
    [DataRow(-11, 2)]
    [DataRow(25, 14)]
    [DataRow(26, 15)]
    [DataRow(63, 15)]
    [DataRow(-63, 1)]
    [DataRow(500, 15)]
    [DataRow(-500, 0)]
    public void Far_distances_share_buckets_that_grow_logarithmically(int distance, int row) =>
        Assert.AreEqual(row, RelativePositions.Row(distance, Configuration(buckets: 8, furthest: 64)));

    [TestMethod]
    [DataRow(0, 64)]
    [DataRow(63, 127)]
    [DataRow(64, 127)]
    [DataRow(-64, 0)]
    [DataRow(-65, 0)]
    public void Every_distance_has_its_own_row_up_to_the_furthest_where_there_are_no_buckets(int distance, int row) =>
        Assert.AreEqual(row, RelativePositions.Row(distance, Configuration(buckets: 0, furthest: 64)));

    [TestMethod]
    public void A_batch_looks_at_the_rows_from_its_furthest_distance_to_its_furthest()
    {
        using var scope = NewDisposeScope();

        var positions = RelativePositions.Of(3, Configuration(buckets: 0, furthest: 64), CPU);

        Assert.AreEqual((62, 5), (positions.First, positions.Count));
        CollectionAssert.AreEqual(new long[] { 2, 1, 0, 3, 2, 1, 4, 3, 2 }, positions.Rows.data<long>().ToArray());
    }

    private static DebertaConfiguration Configuration(int buckets, int furthest)
    {
        using var checkpoint = DebertaCheckpoints.Create("deberta");
        return (DebertaConfiguration)BackboneConfiguration.Read(checkpoint.Path) with { PositionBuckets = buckets, MaxRelativePositions = furthest };
    }
}
