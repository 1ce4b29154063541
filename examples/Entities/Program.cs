using Entities;
using Examples;
using Microsoft.ML;
using Microsoft.ML.PTuning;
using Spectre.Console;

// Finds persons, companies, cities and dates in business messages: input and output are plain texts with character spans; no words need to be split.

string dataFolder = Path.Combine(AppContext.BaseDirectory, "data");
string modelPath = Path.Combine(AppContext.BaseDirectory, "Entities.zip");

// 1. Load the messages.
var mlContext = new MLContext(seed: 1);
IDataView trainingMessages = mlContext.Data.LoadFromEnumerable(Message.Read(Path.Combine(dataFolder, "messages.train.jsonl")));
IDataView testMessages = mlContext.Data.LoadFromEnumerable(Message.Read(Path.Combine(dataFolder, "messages.test.jsonl")));

// 2. Train with the default options and the default encoder. The spans of the label column become tags of words, and predicted
//    tags become spans again.
using PTuningV2Transformer model = TrainingBar.Show(progress =>
{
    var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2NamedEntityRecognition(new PTuningV2Trainer.NamedEntityOptions
    {
        Sentence1ColumnName = nameof(Message.Text),
        LabelColumnName = nameof(Message.Entities),
        EntitiesColumnName = nameof(Finding.Found),
        Advanced = { Shards = 2 }, // The same figures on any number of cores.
        Progress = progress,
    });

    return trainer.Fit(trainingMessages);
});

// 3. Evaluate on messages that training has not seen, and whose persons, companies and cities are new, too.
NamedEntityMetrics metrics = mlContext.MulticlassClassification.EvaluateNamedEntityRecognition(
    model.Transform(testMessages), nameof(Message.Entities), nameof(Finding.Found));
var scores = new Table().Title("On messages that training has not seen").AddColumn("Type");
foreach (string figure in new[] { "Precision", "Recall", "F1", "Labelled", "Found" })
    scores.AddColumn(new TableColumn(figure).RightAligned());
foreach (var (type, score) in metrics.PerType)
    scores.AddRow(type, $"{score.Precision:F3}", $"{score.Recall:F3}", $"{score.F1:F3}", $"{score.Support}", $"{score.Predicted}");
scores.AddRow("all", $"{metrics.MicroPrecision:F3}", $"{metrics.MicroRecall:F3}", $"{metrics.MicroF1:F3}",
    $"{metrics.LabelledEntities}", $"{metrics.PredictedEntities}");
Console.WriteLine();
AnsiConsole.Write(scores);

// 4. Save. The zip holds the prefix, the head and a reference to the encoder, never the encoder.
mlContext.Model.Save(model, trainingMessages.Schema, modelPath);

TrainingSummary summary = model.Summary!;
BackboneDescription backbone = model.Backbone;
Console.WriteLine($"Trained        {summary.TrainedParameters:N0} parameters in {summary.TrainingTime.TotalSeconds:F0} s,"
    + $" {summary.TrainedShare:P1} of the encoder's {backbone.ParameterCount:N0}");
Console.WriteLine($"Saved          {new FileInfo(modelPath).Length / 1024.0:N0} KiB in {Path.GetFileName(modelPath)},"
    + $" beside {backbone.FileBytes / 1024.0:N0} KiB of the encoder");
foreach (TrainingWarning warning in summary.Warnings)
    Console.WriteLine($"Warning        {warning}");

// 5. Load and predict, as another process would.
ITransformer loaded = mlContext.Model.Load(modelPath, out _);
using PredictionEngine<Message, Finding> reader = mlContext.Model.CreatePredictionEngine<Message, Finding>(loaded);

string[] newMessages =
[
    "Can Rowena Hartley meet the people from Calder Instruments in Wroclaw on 14 August?",
    "The crates for Pemberton Wines left Gijon on Monday, please tell Idris.",
    "Please book a room in Maastricht for Mr Achterberg, from 3 October, and send the bill to Lowell Systems.",
];

var colours = new Dictionary<string, Color> { ["PERSON"] = Color.Green, ["COMPANY"] = Color.Blue, ["CITY"] = Color.Olive, ["DATE"] = Color.Purple };
var table = new Table().AddColumn("Message").AddColumn("Type").AddColumn("Text").AddColumn(new TableColumn("Start").RightAligned());
Console.WriteLine();
foreach (var (number, text) in newMessages.Select((text, i) => (i + 1, text)))
{
    EntitySpan[] found = [.. reader.Predict(new Message { Text = text }).Found.Select(EntitySpan.Parse)];
    AnsiConsole.Write(Marked($"{number}. ", text, found));
    foreach (EntitySpan entity in found)
        table.AddRow(
            new Text($"{number}"), new Text(entity.Type, colours[entity.Type]),
            new Text(text[entity.Start..entity.End]), new Text($"{entity.Start}"));
}

AnsiConsole.Write(table);

// The text with its entities in the colours of their types.
Paragraph Marked(string lead, string text, EntitySpan[] entities)
{
    var paragraph = new Paragraph(lead);
    int shown = 0;
    foreach (EntitySpan entity in entities)
    {
        paragraph.Append(text[shown..entity.Start]);
        paragraph.Append(text[entity.Start..entity.End], new Style(colours[entity.Type], decoration: Decoration.Bold));
        shown = entity.End;
    }

    return paragraph.Append(text[shown..] + "\n");
}
