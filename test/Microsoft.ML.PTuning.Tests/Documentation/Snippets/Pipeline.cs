using Microsoft.ML;
using Microsoft.ML.Data;

namespace Documentation.Snippets; // Outside of Microsoft.ML, as an application is.

/// <summary>README: a pipeline.</summary>
internal static class Pipeline
{
    public static void Run()
    {
        var mlContext = new MLContext(seed: 1);
        var tickets = mlContext.Data.LoadFromTextFile<Ticket>("tickets.tsv", hasHeader: true);
        var split = mlContext.Data.TrainTestSplit(tickets, testFraction: 0.2);

        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label", nameof(Ticket.Queue))
            .Append(mlContext.MulticlassClassification.Trainers.PTuningV2(sentence1ColumnName: nameof(Ticket.Text)))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));

        var model = pipeline.Fit(split.TrainSet);
        var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(split.TestSet));
        Console.WriteLine(metrics.ConfusionMatrix.GetFormattedConfusionTable());

        mlContext.Model.Save(model, tickets.Schema, "tickets.zip");

        // In the application that uses it:
        using var engine = mlContext.Model.CreatePredictionEngine<Ticket, Routing>(mlContext.Model.Load("tickets.zip", out _));
        Console.WriteLine(engine.Predict(new Ticket { Text = "I paid twice for the same invoice." }).Queue);
    }

    public class Ticket
    {
        [LoadColumn(0)] public string Queue { get; set; } = ""; // Predictions do not look at it.
        [LoadColumn(1)] public string Text { get; set; } = "";
    }

    public class Routing
    {
        [ColumnName("PredictedLabel")] public string Queue { get; set; } = "";
        public float[] Score { get; set; } = []; // A probability per queue, in the order of the transformer's Classes.
    }
}
