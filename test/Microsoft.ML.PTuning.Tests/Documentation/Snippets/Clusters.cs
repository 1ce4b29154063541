using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.ML;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Orleans;
using Microsoft.ML.PTuning.Serving;
using Orleans.Configuration;

namespace Documentation.Snippets; // Outside of Microsoft.ML, as an application is.

/// <summary>docs/clusters.md.</summary>
internal static class Clusters
{
    public static void Silo()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering().UseInMemoryReminderService(); // One machine, for development.
            silo.AddPTuning(options => (options.ModelsDirectory, options.JobsDirectory) = ("/data/models", "/data/jobs"));
        });
        builder.Build().Run();
    }

    public static void Postgres(ISiloBuilder silo)
    {
        const string Database = "Host=db;Username=orleans;Password=…;Database=orleans";
        silo.UseAdoNetClustering(options => (options.Invariant, options.ConnectionString) = ("Npgsql", Database));
        silo.UseAdoNetReminderService(options => (options.Invariant, options.ConnectionString) = ("Npgsql", Database));
        silo.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = ("scoring", "ptuning"));
        silo.ConfigureEndpoints(siloPort: 11111, gatewayPort: 30000);
    }

    public static void Front(string[] args)
    {
        var builder = WebApplication.CreateBuilder(args);
        builder.UseOrleansClient(client => client.UseLocalhostClustering().AddPTuning());
        builder.Services.AddPTuningEndpoints(); // A web service in front of the cluster, without models of its own.
        var app = builder.Build();
        app.MapPTuning();
        app.MapPost("/tickets", async (Ticket ticket, IPTuningPredictor predictor, CancellationToken cancelled) =>
            await predictor.PredictAsync<Ticket, Routing>("queue", ticket, cancelled));
        app.Run();
    }

    public static async Task Score(IHost host)
    {
        var scoring = host.Services.GetRequiredService<IBulkScoring>();
        string id = await scoring.StartAsync(new()
        {
            Model = "queue",                                                        // /data/models/queue.zip
            Inputs = ["/data/tickets-2025.parquet", "/data/tickets-2026.parquet"],  // Or a folder.
            OutputDirectory = "/data/routed",
            MergedFile = "/data/routed.parquet",
        });
        var done = await scoring.WaitAsync(id, new Progress<ScoringProgress>(p => Console.WriteLine($"{p.RowsDone} of {p.Rows} rows")));
    }

    public static void Sweep(ISiloBuilder silo, MLContext mlContext, IDataView tickets)
    {
        silo.AddPTuningSweep("tickets", services => new SweepRows<PTuningV2Trainer.MulticlassOptions>(TicketSweep.Create(mlContext), tickets));
    }

    public static async Task RunSweep(IHost host)
    {
        var sweeps = host.Services.GetRequiredService<IClusterSweeps>();
        var result = await sweeps.RunAsync("tickets", TicketSweep.Create(new MLContext(seed: 1)));
        Console.WriteLine(result.Best);
    }

    public static PTuningV2Trainer Training(MLContext mlContext, IServiceProvider services)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            BatchSize = 128,
            Advanced = { Shards = 4, ShardComputer = services.GetRequiredService<IShardComputer>() },
        });
        return trainer;
    }

    public class Ticket { public string Text { get; set; } = ""; }

    public class Routing { public string PredictedLabel { get; set; } = ""; }
}
