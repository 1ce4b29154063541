using Microsoft.ML;
using Microsoft.ML.PTuning;
using static Documentation.Snippets.Pipeline;
using static Microsoft.ML.DataOperationsCatalog;

namespace Documentation.Snippets; // Outside of Microsoft.ML, as an application is.

/// <summary>docs/getting-started.md.</summary>
internal static class GettingStarted
{
    public static void Run(MLContext mlContext, IDataView tickets, TrainTestData parts)
    {
        var toKey = mlContext.Transforms.Conversion.MapValueToKey("Label", nameof(Ticket.Queue));
        var options = new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = nameof(Ticket.Text),
            ValidationSet = toKey.Fit(parts.TrainSet).Transform(parts.TestSet),
            EarlyStoppingPatience = 3, // Stops after three epochs without improvement.
        };

        var model = toKey.Append(mlContext.MulticlassClassification.Trainers.PTuningV2(options))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
            .Fit(parts.TrainSet);

        var trained = model.OfType<PTuningV2Transformer>().Single();
        Console.WriteLine(trained.Summary);

        options.Backbone = "models/xlm-roberta-base";

        mlContext.Model.Save(model, tickets.Schema, "tickets.zip");

        mlContext.SetPTuningBackboneDirectory("models"); // In the application that uses it; an encoder of a package needs no such line.
        var loaded = mlContext.Model.Load("tickets.zip", out _);
        (loaded as IDisposable)?.Dispose();
    }
}
