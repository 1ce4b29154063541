using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Serving;

namespace Microsoft.ML.PTuning.Benchmarks.Serving;

/// <summary>What the process of a service does: it serves a folder of models on a free port of the loopback address, until its input ends.</summary>
internal static class Service
{
    /// <summary>Where it tells its <see cref="ServiceFigures"/>.</summary>
    public const string FiguresPath = "/figures";

    /// <summary>The service of the package, or the other one that it is compared with.</summary>
    public const string Package = "package", EnginePool = "engine-pool";

    /// <summary>What the process does. Its first line of output is its address.</summary>
    /// <param name="arguments">Which service, and the folder of its models.</param>
    /// <returns>0; the service has no number to tell.</returns>
    public static double RunInThisProcess(string[] arguments)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        if (arguments[0] == Package)
            builder.Services.AddPTuning(options => options.ModelsDirectory = arguments[1]);
        else
            builder.Services.AddSingleton(new EnginePools(arguments[1]));

        using var loads = new LoadCount();
        using var application = builder.Build();
        if (arguments[0] == Package)
            application.MapPTuning();
        else
            application.MapPost("/predict/{model}", (string model, TextRow row, EnginePools pools) => pools.Predict(model, row));
        var predictor = application.Services.GetService<IPTuningPredictor>();
        application.MapGet(
            FiguresPath, async () => ServiceFigures.Now(predictor is null ? [] : await predictor.ListModelsAsync(), loads.Replacements));

        application.StartAsync().GetAwaiter().GetResult();
        Console.WriteLine(application.Urls.Single());
        Console.In.ReadToEnd();
        application.StopAsync().GetAwaiter().GetResult();
        return 0;
    }
}
