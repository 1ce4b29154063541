using Microsoft.ML;
using Microsoft.ML.PTuning;
using static Documentation.Snippets.Pipeline;

namespace Documentation.Snippets; // Outside of Microsoft.ML, as an application is.

/// <summary>docs/getting-started.md.</summary>
internal static class GettingStarted
{
    public static void Run()
    {
        var mlContext = new MLContext(seed: 1);
        var tickets = mlContext.Data.LoadFromTextFile<Ticket>("tickets.tsv", hasHeader: true);
        var held = mlContext.Data.TrainTestSplit(tickets, testFraction: 0.2);         // For the evaluation.
        var parts = mlContext.Data.TrainTestSplit(held.TrainSet, testFraction: 0.2);  // To choose the epoch.

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

        var multilingual = new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = nameof(Ticket.Text), Backbone = "encoders/xlm-roberta-base" };
        Console.WriteLine(multilingual.Backbone);

        var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(held.TestSet));
        Console.WriteLine(metrics.ConfusionMatrix.GetFormattedConfusionTable());

        using var engine = mlContext.Model.CreatePredictionEngine<Ticket, Routing>(model);
        Console.WriteLine(engine.Predict(new Ticket { Text = "I paid twice for the same invoice." }).Queue);

        mlContext.Model.Save(model, tickets.Schema, "tickets.zip");

        mlContext.SetPTuningBackboneDirectory("encoders"); // In the application that uses it; an encoder of a package needs no such line.
        var loaded = mlContext.Model.Load("tickets.zip", out _);
        (loaded as IDisposable)?.Dispose();
    }
}
