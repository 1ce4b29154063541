using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.ML.PTuning.Orleans;
using Orleans.Configuration;

// SETTINGS.json: a silo, and the job that it starts, unless another one has.
var settings = JsonSerializer.Deserialize<SiloSettings>(File.ReadAllText(args[0]))!;
var builder = Host.CreateApplicationBuilder();
builder.UseOrleans(silo =>
{
    if (settings.Postgres is { } connection)
    {
        const string Invariant = "Npgsql";
        silo.UseAdoNetClustering(options => (options.Invariant, options.ConnectionString) = (Invariant, connection));
        silo.UseAdoNetReminderService(options => (options.Invariant, options.ConnectionString) = (Invariant, connection));
        silo.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = ("tests", "tests"));
        silo.ConfigureEndpoints(IPAddress.Loopback, settings.SiloPort, settings.GatewayPort);
    }
    else
    {
        silo.UseLocalhostClustering(settings.SiloPort, settings.GatewayPort, new IPEndPoint(IPAddress.Loopback, settings.PrimaryPort));
        silo.UseInMemoryReminderService();
    }

    silo.Configure<ClusterMembershipOptions>(options =>
    {
        // Found dead after some seconds, by one other silo.
        options.ProbeTimeout = TimeSpan.FromSeconds(2);
        options.NumMissedProbesLimit = 3;
        options.NumVotesForDeathDeclaration = 1;
    });
    silo.AddPTuning(options => (options.ModelsDirectory, options.JobsDirectory) = (settings.ModelsDirectory, settings.JobsDirectory));
});

using var host = builder.Build();
await host.StartAsync();
await host.Services.GetRequiredService<IBulkScoring>().StartAsync(settings.Job);
await host.WaitForShutdownAsync();

/// <summary>What the tests tell a silo.</summary>
internal sealed record SiloSettings(
    int SiloPort, int GatewayPort, int PrimaryPort, string? Postgres, string ModelsDirectory, string JobsDirectory, ScoringJob Job);
