namespace Microsoft.ML.PTuning.Tests.Documentation.Snippets;

/// <summary>docs/serving.md.</summary>
internal static class Serving
{
    public static async Task Run(MLContext mlContext, Ticket ticket, CancellationToken cancellationToken)
    {
        using var predictor = new PTuningV2MultiTaskPredictor(mlContext, new() { MaxDelay = TimeSpan.FromMilliseconds(2), Capacity = 1024, OwnsTransformers = true });
        foreach (var file in Directory.GetFiles("models", "*.zip"))
            predictor.Add(Path.GetFileNameWithoutExtension(file), mlContext.Model.Load(file, out _)); // A model, or a chain with one: keys to values and the like.

        var routed = await predictor.PredictAsync<Ticket, Routing>("queue", ticket, cancellationToken);
        var scores = await predictor.PredictAllAsync<Ticket, Scores>(["urgent", "angry", "spam"], ticket, cancellationToken); // By the models' names.
        Console.WriteLine($"{routed.PredictedLabel} {scores["urgent"].Score}");
    }

    public static void Limit(MLContext mlContext)
    {
        mlContext.SetPTuningScoringCores(2);
    }

    public class Ticket { public string Text { get; set; } = ""; }

    public class Routing { public string PredictedLabel { get; set; } = ""; }

    public class Scores { public float Score { get; set; } }
}
