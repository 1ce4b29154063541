using Microsoft.Extensions.DependencyInjection;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Orleans;
using Microsoft.ML.PTuning.Orleans.BulkScoring;
using Microsoft.ML.PTuning.Orleans.Models;
using Microsoft.ML.PTuning.Orleans.Placement;
using Microsoft.ML.PTuning.Orleans.Sweeps;
using Microsoft.ML.PTuning.Orleans.Training;
using Orleans.Serialization;

namespace Orleans.Hosting;

/// <summary>Adds P-Tuning models to silos and clients.</summary>
public static class PTuningOrleansExtensions
{
    /// <summary>
    /// Has a silo score files, train trials of sweeps and compute shards of trainings, and adds <see cref="IBulkScoring"/>, <see cref="IClusterSweeps"/> and
    /// <see cref="IShardComputer"/> to its services.
    /// </summary>
    /// <remarks>Bulk scoring needs reminders, so add their store as well: <c>UseAdoNetReminderService</c>, <c>UseRedisReminderService</c> or another.</remarks>
    /// <exception cref="ArgumentException">An option is not as it should be.</exception>
    /// <example>
    /// <code>
    /// siloBuilder.AddPTuning(new() { ModelsDirectory = "/data/models", JobsDirectory = "/data/jobs" });
    /// </code>
    /// </example>
    public static ISiloBuilder AddPTuning(this ISiloBuilder builder, PTuningSiloOptions options)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        builder.AddReminders();
        builder.Services.AddSingleton(options).AddSingleton<SiloModels>().AddSingleton<SiloLimits>().AddSingleton<SiloShardWorkers>();
        AddClients(builder.Services);
        return builder;
    }

    /// <summary>Adds a sweep to a silo, whose trials it trains.</summary>
    /// <remarks>A sweep is code, so it is deployed with the silos. Call the same code here and where the sweep is run.</remarks>
    /// <typeparam name="TOptions">The options of the task.</typeparam>
    /// <param name="name">What <see cref="IClusterSweeps.RunAsync"/> names it by.</param>
    /// <param name="create">Makes the sweep and reads its rows; called once, when the first trial comes.</param>
    /// <example>
    /// <code>
    /// siloBuilder.AddPTuningSweep("tickets", services => new SweepRows&lt;PTuningV2Trainer.MulticlassOptions&gt;(TicketSweep.Create(mlContext), tickets));
    /// </code>
    /// </example>
    public static ISiloBuilder AddPTuningSweep<TOptions>(this ISiloBuilder builder, string name, Func<IServiceProvider, SweepRows<TOptions>> create)
        where TOptions : PTuningV2Trainer.Options
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(create);
        builder.Services.AddKeyedSingleton(name, (services, _) => new SiloSweep(() => create(services).Measure));
        return builder;
    }

    /// <summary>Adds <see cref="IBulkScoring"/>, <see cref="IClusterSweeps"/> and <see cref="IShardComputer"/> to a client's services.</summary>
    /// <example>
    /// <code>
    /// clientBuilder.AddPTuning();
    /// </code>
    /// </example>
    public static IClientBuilder AddPTuning(this IClientBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        AddClients(builder.Services);
        return builder;
    }

    private static void AddClients(IServiceCollection services)
    {
        services.AddSerializer(serializer => serializer.AddAssembly(typeof(PTuningOrleansExtensions).Assembly));
        services.AddSingleton<IBulkScoring, BulkScoringClient>().AddSingleton<IClusterSweeps, ClusterSweeps>()
            .AddSingleton<IShardComputer, ClusterShardComputer>();
    }
}
