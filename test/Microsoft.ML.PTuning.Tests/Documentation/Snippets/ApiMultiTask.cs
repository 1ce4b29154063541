using Microsoft.ML;
using Microsoft.ML.PTuning;

namespace Documentation.Snippets;

/// <summary>XML docs: PTuningV2MultiTaskTrainer, PTuningV2MultiTaskPredictor.</summary>
internal static class ApiMultiTask
{
    public static PTuningV2MultiTaskTrainer Trainer(MLContext mlContext)
    {
        var options = new PTuningV2MultiTaskTrainer.Options { MaxEpochs = 10, ContinuationEpochs = 5 };
        var trainer = new PTuningV2MultiTaskTrainer(mlContext, options);
        return trainer;
    }

    public static PTuningV2MultiTaskData Data(IDataView tickets, IDataView validation)
    {
        var options = new PTuningV2Trainer.BinaryOptions { Sentence1ColumnName = "Text", ValidationSet = validation };
        var urgent = new PTuningV2MultiTaskData(options, tickets); // Text: text; Label: Boolean.
        return urgent;
    }

    public static void Fit(MLContext mlContext, IDataView keyedTickets, IDataView urgentTickets)
    {
        var trainer = new PTuningV2MultiTaskTrainer(mlContext);
        var models = trainer.Fit(new Dictionary<string, PTuningV2MultiTaskData>
        {
            ["queue"] = new(new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text" }, keyedTickets), // Label: a key.
            ["urgent"] = new(new PTuningV2Trainer.BinaryOptions { Sentence1ColumnName = "Text" }, urgentTickets),   // Label: Boolean.
        });
        models["urgent"].SaveTo("urgent.zip");
    }

    public static async Task Predictor(MLContext mlContext)
    {
        var options = new PTuningV2MultiTaskPredictor.Options { MaxBatchSize = 32, MaxDelay = TimeSpan.FromMilliseconds(1), OwnsTransformers = true };
        await using var predictor = new PTuningV2MultiTaskPredictor(mlContext, options);
        predictor.Add("queue", mlContext.Model.Load("queue.zip", out _));
    }

    public static void Add(MLContext mlContext, PTuningV2MultiTaskPredictor predictor)
    {
        predictor.Add("queue", mlContext.Model.Load("queue.zip", out _));                // ML.NET's zip: a model or a chain.
        predictor.Add("urgent", PTuningV2Transformer.LoadFrom(mlContext, "urgent.zip")); // A zip of SaveTo.
    }

    public static void Set(MLContext mlContext, PTuningV2MultiTaskPredictor predictor)
    {
        ITransformer retrained = mlContext.Model.Load("queue.zip", out _);
        predictor.Set("queue", retrained); // Calls go on; later rows get the new model.
    }

    public static void Remove(PTuningV2MultiTaskPredictor predictor)
    {
        if (!predictor.Remove("spam"))
            Console.WriteLine("There is no model 'spam'.");
    }

    public static async Task Predict(PTuningV2MultiTaskPredictor predictor, CancellationToken cancellationToken)
    {
        var ticket = new Ticket { Text = "I paid twice." };
        Routing routing = await predictor.PredictAsync<Ticket, Routing>("queue", ticket, cancellationToken);
        Console.WriteLine(routing.PredictedLabel);
    }

    public static async Task PredictAll(PTuningV2MultiTaskPredictor predictor)
    {
        var ticket = new Ticket { Text = "I paid twice." };
        var predictions = await predictor.PredictAllAsync<Ticket, Verdict>(["urgent", "angry"], ticket);
        Console.WriteLine($"urgent {predictions["urgent"].Probability:F2}, angry {predictions["angry"].Probability:F2}");
    }

    public static async Task PredictRow(PTuningV2MultiTaskPredictor predictor, IDataView tickets)
    {
        using DataViewRowCursor cursor = tickets.GetRowCursor(tickets.Schema); // A row of any IDataView, or of a class that derives from DataViewRow.
        while (cursor.MoveNext())
        {
            var queues = await predictor.PredictRowAsync(["queue"], cursor, (name, answer) =>
            {
                ReadOnlyMemory<char> label = default;
                answer.GetGetter<ReadOnlyMemory<char>>(answer.Schema["PredictedLabel"])(ref label);
                return label.ToString();
            });
            Console.WriteLine(queues["queue"]);
        }
    }

    public class Ticket { public string Text { get; set; } = ""; }

    public class Routing { public string PredictedLabel { get; set; } = ""; }

    public class Verdict { public float Probability { get; set; } }
}
