using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.ML.PTuning.AspNetCore;
using Microsoft.ML.PTuning.Serving;

namespace Microsoft.ML.PTuning.Tests.Documentation;

internal static class AspNetCoreService
{
    public static void Page(string[] args)
    {
        var builder = WebApplication.CreateBuilder(args);
        builder.Services.AddPTuning();

        var app = builder.Build();
        app.UseRateLimiter(); // Where PTuning:RateLimit is set.
        app.MapPTuning();
        app.MapPTuningHealthChecks(); // /health/live, /health/ready
        app.MapOpenApi();             // /openapi/ptuning.json
        app.MapPost("/tickets", async (Ticket ticket, IPTuningPredictor predictor, CancellationToken cancelled) =>
            await predictor.PredictAsync<Ticket, Routing>("queue", ticket, cancelled));
        app.Run();
    }

    public static WebApplicationBuilder Add(string[] args)
    {
        var builder = WebApplication.CreateBuilder(args);
        builder.Services.AddPTuning(options => options.ModelsDirectory = "models");
        return builder;
    }

    public static void Map(WebApplicationBuilder builder)
    {
        var app = builder.Build();
        app.UseRateLimiter(); // Where PTuning:RateLimit is set.
        app.MapPTuning();
        app.MapPTuningHealthChecks();
        app.MapOpenApi(); // /openapi/ptuning.json
        app.Run();
    }

    public static void MapHealth(WebApplication app)
    {
        app.MapPTuningHealthChecks().DisableHttpMetrics();
    }

    public static void Options()
    {
        var options = new PTuningOptions { ModelsDirectory = "models", TensorBudgetBytes = 200_000_000 };
        options.ApiKeys["shop"] = Environment.GetEnvironmentVariable("SHOP_KEY")!;
    }

    public static void Limit(PTuningOptions options)
    {
        var limit = new PTuningRateLimit { Requests = 100, Period = TimeSpan.FromSeconds(1) };
        options.RateLimit = limit;
    }

    public static void Models()
    {
        var options = new PTuningModelsOptions { ModelsDirectory = "models", TensorBudgetBytes = 200_000_000 };
        options.PollInterval = TimeSpan.FromSeconds(1);
    }

    public static void Worker(string[] args)
    {
        var builder = Host.CreateApplicationBuilder(args);
        builder.Services.AddPTuningModels(options => options.ModelsDirectory = "models");
    }

    public static async Task Folder(string[] args, Ticket ticket, CancellationToken cancellationToken)
    {
        var builder = Host.CreateApplicationBuilder(args);
        builder.Services.AddPTuningModels(options => options.ModelsDirectory = "models");

        using var host = builder.Build();
        await host.StartAsync();
        var predictor = host.Services.GetRequiredService<IPTuningPredictor>();
        var routing = await predictor.PredictAsync<Ticket, Routing>("queue", ticket, cancellationToken);
        Console.WriteLine(routing.PredictedLabel);
    }

    public static void Front(WebApplicationBuilder builder)
    {
        builder.UseOrleansClient(client => client.UseLocalhostClustering().AddPTuning());
        builder.Services.AddPTuningEndpoints(options => options.MaxModelsPerRow = 4);
    }

    public static async Task List(IPTuningPredictor predictor, CancellationToken cancellationToken)
    {
        foreach (PTuningModel model in await predictor.ListModelsAsync(cancellationToken))
            Console.WriteLine($"{model.Name}: {model.State}");
    }

    public static void Full()
    {
        throw new PredictionQueueFullException("The queue of the machine that serves the model is full. Try again later.");
    }

    public static async Task Describe(IPTuningPredictor predictor, CancellationToken cancellationToken)
    {
        PTuningModelDescription description = await predictor.DescribeAsync("queue", cancellationToken);
        Console.WriteLine($"{description.Task} of {string.Join(", ", description.Inputs.Keys)}");
    }

    public static async Task Predict(IPTuningPredictor predictor, CancellationToken cancellationToken)
    {
        var ticket = new Ticket { Text = "I paid twice." };
        Routing routing = await predictor.PredictAsync<Ticket, Routing>("queue", ticket, cancellationToken);
        Console.WriteLine(routing.PredictedLabel);
    }

    public static async Task PredictAll(IPTuningPredictor predictor, CancellationToken cancellationToken)
    {
        var ticket = new Ticket { Text = "I paid twice." };
        var verdicts = await predictor.PredictAllAsync<Ticket, Verdict>(["urgent", "angry"], ticket, cancellationToken);
        Console.WriteLine($"urgent {verdicts["urgent"].Probability:F2}, angry {verdicts["angry"].Probability:F2}");
    }

    public static async Task PredictJson(IPTuningPredictor predictor, CancellationToken cancellationToken)
    {
        using var row = JsonDocument.Parse("""{"Text": "I paid twice."}""");
        var answers = await predictor.PredictJsonAsync(["queue", "urgent"], row.RootElement, cancellationToken);
        Console.WriteLine(answers["queue"]["PredictedLabel"]);
    }

    public static PTuningModel Model()
    {
        var model = new PTuningModel { Name = "queue", State = PTuningModelState.Listed, FileBytes = 40_000, Written = DateTime.UtcNow };
        return model;
    }

    public static PTuningModelDescription Description()
    {
        var description = new PTuningModelDescription
        {
            Name = "queue",
            Task = "multiclass-classification",
            Method = "p-tuning-v2",
            Backbone = "all-MiniLM-L6-v2",
            Inputs = new Dictionary<string, string> { ["Text"] = "text" },
            Outputs = ["PredictedLabel", "Score"],
            Classes = ["billing", "delivery"],
            TensorBytes = 40_000,
        };
        return description;
    }

    public static void NotFound()
    {
        throw new PTuningModelNotFoundException("queue");
    }

    public static void Unavailable()
    {
        throw new PTuningModelUnavailableException("queue", "The zip is damaged.");
    }

    public static void WrongRow()
    {
        throw new PTuningRowException("'Text' (text) is missing.", "Text");
    }

    public class Ticket { public string Text { get; set; } = ""; }

    public class Routing { public string PredictedLabel { get; set; } = ""; }

    public class Verdict { public float Probability { get; set; } }
}
