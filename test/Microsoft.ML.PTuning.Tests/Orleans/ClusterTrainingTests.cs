using System.Runtime.InteropServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.ML.PTuning.Orleans.Training;

namespace Microsoft.ML.PTuning.Tests.Orleans;

/// <summary>A training whose shards silos compute, on a tiny encoder.</summary>
[TestClass]
public sealed class ClusterTrainingTests
{
    private static readonly MLContext s_mlContext = new(1);

    private TinyEncoder _encoder = null!;

    private IDataView Rows => Tickets.Keyed(s_mlContext, Tickets.Rows(40));

    [TestInitialize]
    public void CreateEncoder() => _encoder = new TinyEncoder();

    [TestCleanup]
    public void DeleteEncoder() => _encoder.Dispose();

    [TestMethod]
    [Timeout(60_000)]
    public async Task Two_silos_give_the_bits_of_two_shards()
    {
        await using var silos = await TestSilos.StartAsync(2, TestSilos.WithoutModels);
        var computer = new Watched(silos.Client.ServiceProvider.GetRequiredService<IShardComputer>());

        var spread = await Fit(computer);

        AssertSame(Fit(null).Result, spread);
        Assert.HasCount(1, computer.Trainings);
        var places = await Task.WhenAll(Enumerable.Range(0, 2).Select(shard => PlaceOf(silos, computer, shard)));
        Assert.AreNotEqual(places[0], places[1], "Each silo computes a shard.");
    }

    [TestMethod]
    [Timeout(90_000)]
    public async Task A_silo_that_is_killed_costs_a_step_and_no_bit()
    {
        await using var silos = await TestSilos.StartAsync(3, TestSilos.WithoutModels);
        Task killing = Task.CompletedTask;
        Watched computer = null!;
        computer = new Watched(silos.Client.ServiceProvider.GetRequiredService<IShardComputer>())
        {
            Before = work =>
            {
                if (work is { Step: 3, Shard: 1 })
                    killing = silos.KillSiloOfAsync(silos.Client.GetGrain<IShardGrain>($"{work.TrainingId}/1"));
            },
        };

        var spread = await Fit(computer);
        await killing;

        AssertSame(Fit(null).Result, spread);
    }

    [TestMethod]
    [Timeout(60_000)]
    public async Task An_encoder_that_no_silo_has_ends_the_training_with_the_reason()
    {
        await using var silos = await TestSilos.StartAsync(1, TestSilos.WithoutModels);
        var computer = new Watched(silos.Client.ServiceProvider.GetRequiredService<IShardComputer>())
        {
            Before = work =>
            {
                if (work is { Step: 1, Shard: 0 })
                    File.Delete(Path.Combine(_encoder.Path, "config.json"));
            },
        };

        var failure = await Assert.ThrowsExactlyAsync<InvalidOperationException>(() => Fit(computer));

        StringAssert.Contains(failure.Message, "A silo cannot compute a shard: ");
    }

    private static async Task<string> PlaceOf(TestSilos silos, Watched computer, int shard) =>
        $"{await silos.Client.GetGrain<IManagementGrain>(0).GetActivationAddress(silos.Client.GetGrain<IShardGrain>($"{computer.Trainings.Single()}/{shard}"))}";

    private static void AssertSame(Dictionary<string, float[]> expected, Dictionary<string, float[]> actual)
    {
        Assert.HasCount(expected.Count, actual);
        foreach (var (name, values) in expected)
            Assert.IsTrue(MemoryMarshal.AsBytes<float>(values).SequenceEqual(MemoryMarshal.AsBytes<float>(actual[name])), name);
    }

    private Task<Dictionary<string, float[]>> Fit(IShardComputer? computer) => Task.Run(() =>
    {
        var options = _encoder.Options();
        options.MaxEpochs = 3;
        options.BatchSize = 8;
        options.Advanced.ShardComputer = computer;
        using var model = s_mlContext.MulticlassClassification.Trainers.PTuningV2(options).Fit(Rows);
        return model.Model.Tensors.ToDictionary(tensor => tensor.Key, tensor => tensor.Value.data<float>().ToArray());
    });

    private sealed class Watched(IShardComputer inner) : IShardComputer
    {
        public HashSet<string> Trainings { get; } = [];

        public Action<ShardWork>? Before { get; init; }

        public Task<ReadOnlyMemory<byte>> ComputeAsync(ShardWork work, CancellationToken cancellationToken)
        {
            Trainings.Add(work.TrainingId);
            Before?.Invoke(work);
            return inner.ComputeAsync(work, cancellationToken);
        }
    }
}
