using Examples;
using Microsoft.ML;
using Microsoft.ML.PTuning;
using Spectre.Console;
using Topics;

// Finds all topics of a mail: any number of classes per text, each with a probability of its own.

string dataFolder = Path.Combine(AppContext.BaseDirectory, "data");
string modelPath = Path.Combine(AppContext.BaseDirectory, "Topics.zip");

// 1. Load the mails. The label column is a vector of text, the names of a mail's topics.
var mlContext = new MLContext(seed: 1);
List<Mail> training = Mail.Read(mlContext, Path.Combine(dataFolder, "tickets.train.tsv"), seed: 1);
List<Mail> test = Mail.Read(mlContext, Path.Combine(dataFolder, "tickets.test.tsv"), seed: 2);
IDataView trainingMails = mlContext.Data.LoadFromEnumerable(training);

// 2. Train with the default options and the default encoder.
using PTuningV2Transformer model = TrainingBar.Show(progress =>
{
    var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2MultiLabel(new PTuningV2Trainer.MultiLabelOptions
    {
        Sentence1ColumnName = nameof(Mail.Text),
        LabelColumnName = nameof(Mail.Topics),
        Advanced = { Shards = 2 }, // The same figures on any number of cores.
        Progress = progress,
    });

    return trainer.Fit(trainingMails);
});

// 3. Evaluate on mails that training has not seen, beside ML.NET's bag of words.
MultiLabelMetrics metrics = mlContext.MulticlassClassification.EvaluateMultiLabel(
    model.Transform(mlContext.Data.LoadFromEnumerable(test)), labelColumnName: nameof(Mail.Topics));
MultiLabelMetrics plain = BagOfWords.Evaluate(mlContext, training, test);
var scores = new Table().Title("F1 on mails that training has not seen").AddColumn("Topic");
foreach (string system in new[] { "Mails", "Bag of words", "Deep prefix" })
    scores.AddColumn(new TableColumn(system).RightAligned());
foreach (var (topic, score) in metrics.PerClass)
    scores.AddRow(topic, $"{score.Support}", $"{(plain.PerClass.TryGetValue(topic, out var words) ? words.F1 : 0):F3}", $"{score.F1:F3}");
scores.AddRow("all (micro)", $"{metrics.Count}", $"{plain.MicroF1:F3}", $"{metrics.MicroF1:F3}");
scores.AddRow("all topics right", "", $"{plain.SubsetAccuracy:P0}", $"{metrics.SubsetAccuracy:P0}");
Console.WriteLine();
AnsiConsole.Write(scores);

// 4. Save, load and predict, as another process would.
mlContext.Model.Save(model, trainingMails.Schema, modelPath);
using PredictionEngine<Mail, Tagged> tagger = mlContext.Model.CreatePredictionEngine<Mail, Tagged>(mlContext.Model.Load(modelPath, out _));

string[] newMails =
[
    "My parcel has not arrived. And by the way, you charged me twice for it.",
    "I cannot log in any more, the link in your mail is dead.",
    "Does the oak table come in black, and how long would delivery take?",
];
Console.WriteLine();
foreach (string text in newMails)
{
    Tagged tagged = tagger.Predict(new Mail { Text = text });
    AnsiConsole.Write(new Paragraph($"{text}\n").Append($"  {string.Join(", ", tagged.PredictedLabel)}\n", new Style(Color.Green)));
}
