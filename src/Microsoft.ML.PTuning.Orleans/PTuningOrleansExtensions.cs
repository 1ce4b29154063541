using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Orleans;
using Microsoft.ML.PTuning.Orleans.BulkScoring;
using Microsoft.ML.PTuning.Orleans.Models;
using Microsoft.ML.PTuning.Orleans.Placement;
using Microsoft.ML.PTuning.Orleans.Serving;
using Microsoft.ML.PTuning.Orleans.Sweeps;
using Microsoft.ML.PTuning.Orleans.Training;
using Microsoft.ML.PTuning.Serving;
using Microsoft.ML.PTuning.Serving.Hosting;
using Orleans.Serialization;

namespace Orleans.Hosting;

/// <summary>Adds P-Tuning models to silos and clients.</summary>
public static class PTuningOrleansExtensions
{
    /// <summary>
    /// Has a silo predict with the models of a folder, score files, train trials of sweeps and compute shards of trainings, and adds
    /// <see cref="IPTuningPredictor"/>, <see cref="IBulkScoring"/>, <see cref="IClusterSweeps"/> and <see cref="IShardComputer"/> to its services, which
    /// use the whole cluster.
    /// </summary>
    /// <remarks>
    /// The configuration's section <c>PTuning</c> is bound first. The silo does not start if an option is out of its range. Bulk scoring needs reminders,
    /// so add their store as well: <c>UseAdoNetReminderService</c>, <c>UseRedisReminderService</c> or another.
    /// </remarks>
    /// <param name="builder">The silo.</param>
    /// <param name="configure">Changes the options.</param>
    /// <exception cref="InvalidOperationException">The host has a folder of models. Beside a silo call <c>AddPTuningEndpoints</c>.</exception>
    /// <example>
    /// <code>
    /// siloBuilder.AddPTuning(options =&gt; (options.ModelsDirectory, options.JobsDirectory) = ("/data/models", "/data/jobs"));
    /// </code>
    /// </example>
    public static ISiloBuilder AddPTuning(this ISiloBuilder builder, Action<PTuningSiloOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(configure);
        builder.AddReminders();
        AddClients(builder.Services, services => services.GetRequiredService<PTuningSiloOptions>().Client);
        PTuningModelsServiceCollectionExtensions.AddModels(builder.Services, configure);
        builder.Services
            .AddSingleton<IValidateOptions<PTuningSiloOptions>, SiloOptionsValidator>()
            .AddSingleton(provider => provider.GetRequiredService<IOptions<PTuningSiloOptions>>().Value)
            .AddSingleton<SiloModels>().AddSingleton<SiloLimits>().AddSingleton<SiloShardWorkers>()
            .AddPlacementDirector<ReplicaPlacement, ReplicaDirector>();
        return builder;
    }

    /// <summary>As <see cref="AddPTuning(ISiloBuilder, Action{PTuningSiloOptions})"/>, if the configuration says all.</summary>
    /// <param name="builder">The silo.</param>
    /// <example>
    /// <code>
    /// siloBuilder.AddPTuning();
    /// </code>
    /// </example>
    public static ISiloBuilder AddPTuning(this ISiloBuilder builder) => AddPTuning(builder, _ => { });

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

    /// <summary>
    /// Adds <see cref="IPTuningPredictor"/>, <see cref="IBulkScoring"/>, <see cref="IClusterSweeps"/> and <see cref="IShardComputer"/> to a client's services.
    /// </summary>
    /// <param name="builder">The client.</param>
    /// <example>
    /// <code>
    /// clientBuilder.AddPTuning();
    /// </code>
    /// </example>
    public static IClientBuilder AddPTuning(this IClientBuilder builder) => AddPTuning(builder, new PTuningClusterOptions());

    /// <summary>As <see cref="AddPTuning(IClientBuilder)"/>, and says how rows are spread over silos.</summary>
    /// <param name="builder">The client.</param>
    /// <param name="options">How rows are spread.</param>
    /// <exception cref="ArgumentException">An option is not as it should be.</exception>
    /// <example>
    /// <code>
    /// clientBuilder.AddPTuning(new PTuningClusterOptions { MaxReplicas = 8 });
    /// </code>
    /// </example>
    public static IClientBuilder AddPTuning(this IClientBuilder builder, PTuningClusterOptions options)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(options);
        var ranges = new OptionRanges();
        options.Check(ranges);
        if (ranges.Wrong.Count > 0)
            throw new ArgumentException(string.Join(' ', ranges.Wrong), nameof(options));
        AddClients(builder.Services, _ => options);
        return builder;
    }

    private static void AddClients(IServiceCollection services, Func<IServiceProvider, PTuningClusterOptions> options)
    {
        services.AddSerializer(serializer => serializer.AddAssembly(typeof(PTuningOrleansExtensions).Assembly));
        services.AddSingleton(provider => new Replicas(options(provider))).AddSingleton<IPTuningPredictor, ClusterPredictor>();
        services.AddSingleton<IBulkScoring, BulkScoringClient>().AddSingleton<IClusterSweeps, ClusterSweeps>()
            .AddSingleton<IShardComputer, ClusterShardComputer>();
    }
}
