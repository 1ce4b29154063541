using Examples;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.Trainers;
using Spectre.Console;
using TicketRouting;

// Routes support tickets to the queue that answers them: a frozen encoder, a trained prefix, an ordinary ML.NET pipeline.

string dataFolder = Path.Combine(AppContext.BaseDirectory, "data");
string modelPath = Path.Combine(AppContext.BaseDirectory, "TicketRouting.zip");

// 1. Load the tickets.
var mlContext = new MLContext(seed: 1);
IDataView trainingTickets = mlContext.Data.LoadFromTextFile<Ticket>(Path.Combine(dataFolder, "tickets.train.tsv"), hasHeader: true);
IDataView testTickets = mlContext.Data.LoadFromTextFile<Ticket>(Path.Combine(dataFolder, "tickets.test.tsv"), hasHeader: true);

// 2. Train with the default options and the default encoder. Queue names become keys, and the predicted keys become names again.
using var model = TrainingBar.Show(progress =>
{
    var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label", nameof(Ticket.Queue))
        .Append(mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = nameof(Ticket.Text),
            Advanced = { Shards = 2 }, // The same figures on any number of cores.
            Progress = progress,
        }))
        .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));

    return pipeline.Fit(trainingTickets);
});

// 3. Evaluate on tickets that training has not seen, beside ML.NET's bag of words on the same tickets.
MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(testTickets));
var bagOfWords = mlContext.Transforms.Conversion.MapValueToKey("Label", nameof(Ticket.Queue))
    .Append(mlContext.Transforms.Text.FeaturizeText("Features", nameof(Ticket.Text)))
    .Append(mlContext.MulticlassClassification.Trainers.SdcaMaximumEntropy(new SdcaMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = 1 }))
    .Fit(trainingTickets);
MulticlassClassificationMetrics yardstick = mlContext.MulticlassClassification.Evaluate(bagOfWords.Transform(testTickets));
Console.WriteLine();
Console.WriteLine($"Accuracy       {metrics.MicroAccuracy:F3} (bag of words: {yardstick.MicroAccuracy:F3})");
Console.WriteLine($"Log-loss       {metrics.LogLoss:F3} (guessing without reading: {metrics.LogLoss / (1 - metrics.LogLossReduction):F3})");
Console.WriteLine();
Console.WriteLine(metrics.ConfusionMatrix.GetFormattedConfusionTable());

// 4. Save. The zip holds the prefix, the head and a reference to the encoder, never the encoder.
mlContext.Model.Save(model, trainingTickets.Schema, modelPath);

PTuningV2Transformer transformer = model.OfType<PTuningV2Transformer>().Single();
TrainingSummary summary = transformer.Summary!;
BackboneDescription backbone = transformer.Backbone;
Console.WriteLine($"Trained        {summary.TrainedParameters:N0} parameters in {summary.TrainingTime.TotalSeconds:F0} s,"
    + $" {summary.TrainedShare:P1} of the encoder's {backbone.ParameterCount:N0}");
Console.WriteLine($"Saved          {new FileInfo(modelPath).Length / 1024.0:N0} KiB in {Path.GetFileName(modelPath)},"
    + $" beside {backbone.FileBytes / 1024.0:N0} KiB of the encoder");
foreach (TrainingWarning warning in summary.Warnings)
    Console.WriteLine($"Warning        {warning}");

// 5. Load and predict, as another process would.
ITransformer loaded = mlContext.Model.Load(modelPath, out _);
using PredictionEngine<Ticket, Routing> router = mlContext.Model.CreatePredictionEngine<Ticket, Routing>(loaded);

string[] newTickets =
[
    "I paid twice for the same invoice, please transfer one of the two amounts back.",
    "The parcel has been at the depot for a week and the courier does not answer.",
    "hi, forgot my password and the reset mail doesnt come",
    "The display freezes after every update and the restart button does nothing.",
    "Is the blue blanket made of wool or of cotton, and can it be washed?",
];

var table = new Table().AddColumn("Ticket").AddColumn("Queue").AddColumn(new TableColumn("Probability").RightAligned());
foreach (string text in newTickets)
{
    Routing routing = router.Predict(new Ticket { Text = text });
    table.AddRow(Markup.Escape(text), Markup.Escape(routing.Queue), $"{routing.Score.Max():P0}");
}

AnsiConsole.Write(table);
