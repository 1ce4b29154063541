using System.Net;
using Microsoft.ML.PTuning.Orleans;
using Microsoft.ML.PTuning.Orleans.Placement;
using Microsoft.ML.PTuning.Orleans.Serving;
using Microsoft.ML.PTuning.Serving.Hosting;

namespace Microsoft.ML.PTuning.Tests.Orleans;

/// <summary>Which silo answers for a model, and which replica gets a row.</summary>
[TestClass]
public sealed class ReplicaPlacementTests
{
    private const int Models = 1000;

    private static readonly SiloAddress[] s_silos = [.. Enumerable.Range(1, 5).Select(i => Silo(i, generation: 1))];

    [TestMethod]
    public void Models_are_spread_evenly()
    {
        // Five standard deviations of a binomial count.
        const double Mean = Models / 5.0, Tolerance = 5 * 12.7;
        foreach (var count in Names().CountBy(name => Choose(name)))
            Assert.AreEqual(Mean, count.Value, Tolerance);
    }

    [TestMethod]
    public void Replicas_are_on_different_silos_while_there_are_any()
    {
        foreach (var name in Names())
            Assert.HasCount(5, Enumerable.Range(0, 5).Select(replica => ReplicaDirector.Choose(name, replica, s_silos)).Distinct());
        Assert.AreEqual(ReplicaDirector.Choose("queue", 0, s_silos), ReplicaDirector.Choose("queue", 5, s_silos));
    }

    [TestMethod]
    public void Only_the_models_of_a_silo_that_goes_move()
    {
        var left = s_silos[..4];
        foreach (var name in Names().Where(name => !Choose(name).Equals(s_silos[4])))
            Assert.AreEqual(Choose(name), ReplicaDirector.Choose(name, 0, left));
    }

    [TestMethod]
    public void A_silo_that_starts_anew_gets_its_models_back()
    {
        SiloAddress[] anew = [.. s_silos[1..], Silo(1, generation: 2)];
        foreach (var name in Names())
            Assert.AreEqual(Choose(name).Endpoint, ReplicaDirector.Choose(name, 0, anew).Endpoint);
    }

    [TestMethod]
    public void Rows_go_to_the_first_replica_that_is_not_busy()
    {
        var replicas = new Replicas(new PTuningClusterOptions { RowsPerReplica = 2, MaxReplicas = 2 });

        CollectionAssert.AreEqual(new[] { 0, 0, 1, 1, 0 }, Enumerable.Range(0, 5).Select(_ => replicas.Take("queue")).ToArray());
        Assert.AreEqual(0, replicas.Take("urgent"));
        replicas.GiveBack("queue", 1);
        Assert.AreEqual(1, replicas.Take("queue"));
        foreach (var replica in (int[])[0, 0, 0, 1, 1])
            replicas.GiveBack("queue", replica);
        Assert.AreEqual(0, replicas.Take("queue"));
    }

    [TestMethod]
    [DataRow(0, 1, "RowsPerReplica must be 1 or more; found 0.")]
    [DataRow(1, 0, "MaxReplicas must be 1 or more; found 0.")]
    [DataRow(1, 1001, "MaxReplicas must be 1000 or less; found 1001.")]
    public void Options_of_a_client_are_checked(int rows, int replicas, string expected)
    {
        var ranges = new OptionRanges();

        new PTuningClusterOptions { RowsPerReplica = rows, MaxReplicas = replicas }.Check(ranges);

        Assert.AreEqual(expected, ranges.Wrong.Single());
    }

    private static IEnumerable<string> Names() => Enumerable.Range(0, Models).Select(i => $"model {i}");

    private static SiloAddress Choose(string name) => ReplicaDirector.Choose(name, 0, s_silos);

    private static SiloAddress Silo(int number, int generation) => SiloAddress.New(IPAddress.Parse($"10.0.0.{number}"), 11111, generation);
}
