using Microsoft.Extensions.DependencyInjection;
using Microsoft.ML.PTuning.Orleans;
using Microsoft.ML.PTuning.Serving;
using Orleans.Configuration;
using Orleans.TestingHost;

namespace Microsoft.ML.PTuning.Tests.Orleans;

/// <summary>Some silos in this process, and a client of theirs.</summary>
internal sealed class TestSilos : IAsyncDisposable
{
    private readonly InProcessTestCluster _cluster;

    private TestSilos(InProcessTestCluster cluster) => _cluster = cluster;

    /// <summary>For silos that only train.</summary>
    public static Action<PTuningSiloOptions> WithoutModels { get; } = options => options.ModelsDirectory = AppContext.BaseDirectory;

    public IClusterClient Client => _cluster.Client;

    public IPTuningPredictor Predictor => Client.ServiceProvider.GetRequiredService<IPTuningPredictor>();

    public IBulkScoring Scoring => Client.ServiceProvider.GetRequiredService<IBulkScoring>();

    public IClusterSweeps Sweeps => Client.ServiceProvider.GetRequiredService<IClusterSweeps>();

    public static async Task<TestSilos> StartAsync(
        short count, Action<PTuningSiloOptions> options, Action<ISiloBuilder>? configure = null, PTuningClusterOptions? client = null,
        Action<ClusterMembershipOptions>? membership = null)
    {
        var builder = new InProcessTestClusterBuilder(count);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddPTuning(options).UseInMemoryReminderService();
            silo.Configure(membership ?? FindDeathsSoon);
            configure?.Invoke(silo);
        });
        builder.ConfigureClient(clients => clients.AddPTuning(client ?? new()));
        var cluster = builder.Build();
        await cluster.DeployAsync();
        return new TestSilos(cluster);
    }

    /// <summary>After some seconds, by one other silo.</summary>
    public static void FindDeathsSoon(ClusterMembershipOptions membership) =>
        (membership.ProbeTimeout, membership.NumMissedProbesLimit, membership.NumVotesForDeathDeclaration) = (TimeSpan.FromSeconds(1), 3, 1);

    /// <summary>The silos that a grain is on: none or one.</summary>
    public Task<SiloAddress?> SiloOfAsync(IAddressable grain) => Client.GetGrain<IManagementGrain>(0).GetActivationAddress(grain).AsTask();

    /// <summary>Kills the silo that a grain is on, without a word to the others.</summary>
    public async Task KillSiloOfAsync(IAddressable grain)
    {
        var address = await Client.GetGrain<IManagementGrain>(0).GetActivationAddress(grain);
        await _cluster.KillSiloAsync(_cluster.Silos.Single(silo => silo.SiloAddress.Equals(address)));
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();
}
