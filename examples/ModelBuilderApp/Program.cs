using ModelBuilderApp;

// The pair of files that ML.NET Model Builder writes for a text classification, with PTuningV2 in the trainer's place.

const string ModelPath = "TicketRouting.mlnet";

if (!File.Exists(ModelPath))
{
    Console.WriteLine($"{ModelPath} is not here yet: training it.");
    TicketRouting.Train(ModelPath, Path.Combine(AppContext.BaseDirectory, TicketRouting.RetrainFilePath));
}

var sampleData = new TicketRouting.ModelInput
{
    Text = "The courier says that nobody was at home, but I waited for the parcel all day.",
};

Console.WriteLine($"Text: {sampleData.Text}");
Console.WriteLine($"Predicted queue: {TicketRouting.Predict(sampleData).PredictedLabel}");
Console.WriteLine();
Console.WriteLine($"{"Queue",-20}Score");
foreach (KeyValuePair<string, float> score in TicketRouting.PredictAllLabels(sampleData))
    Console.WriteLine($"{score.Key,-20}{score.Value:F4}");
