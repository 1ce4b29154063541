using System.Text.Json;
using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tool.Projects;

/// <summary>A web service: a row as JSON in, its prediction out. Any number of requests share batches.</summary>
internal static class WebApiProject
{
    private const string Address = "http://localhost:5080";

    public static IEnumerable<(string Path, string Text)> Files(ModelClass model) => [ConsumptionFile.Of(model), Program(model)];

    /// <summary>How to run it, and a request.</summary>
    public static string Start(ModelClass model)
    {
        var row = model.Model.Reads.ToDictionary(
            ModelClass.Identifier, name => model.Model.Input[name].Type is VectorDataViewType ? (object)new[] { "some", "words" } : "some text");
        return $"dotnet run\ncurl {Address}/predict -H 'Content-Type: application/json' -d '{JsonSerializer.Serialize(row)}'";
    }

    private static (string Path, string Text) Program(ModelClass model) => ("Program.cs", $$"""
        using {{model.Namespace}};
        using Microsoft.ML;
        using Microsoft.ML.PTuning;

        var builder = WebApplication.CreateBuilder(args);
        if (Environment.GetEnvironmentVariable("ASPNETCORE_URLS") is null)
            builder.WebHost.UseUrls("{{Address}}");

        // Predictions of many requests share batches. It is thread-safe, unlike a PredictionEngine.
        var mlContext = new MLContext();
        var model = mlContext.Model.Load({{model.Name}}.MLNetModelPath, out var _);
        await using var predictor = new PTuningV2MultiTaskPredictor(mlContext, new PTuningV2MultiTaskPredictor.Options { OwnsTransformers = true });
        predictor.Add("{{model.Name}}", model);
        {{(model.HasClassScores ? "var classes = ((IEnumerable<ITransformer>)model).OfType<PTuningV2Transformer>().Single().Classes;\n" : "")}}
        var app = builder.Build();
        app.MapGet("/", () => "POST a row to /predict.");
        app.MapPost("/predict", async ({{model.Name}}.ModelInput row, CancellationToken cancelled) =>
        {
            var prediction = await predictor.PredictAsync<{{model.Name}}.ModelInput, {{model.Name}}.ModelOutput>("{{model.Name}}", row, cancelled);
            return {{(model.HasClassScores ? "new { prediction.PredictedLabel, Scores = classes.Zip(prediction.Score).ToDictionary(score => score.First, score => score.Second) }" : "prediction")}};
        });

        app.Run();
        """);
}
