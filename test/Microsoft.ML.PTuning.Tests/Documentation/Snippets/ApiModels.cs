using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning;

namespace Documentation.Snippets;

/// <summary>XML docs: PTuningV2Transformer, PTuningContext, the training summary.</summary>
internal static class ApiModels
{
    public static void Transformer(MLContext mlContext)
    {
        ITransformer model = mlContext.Model.Load("tickets.zip", out _);
        using var engine = mlContext.Model.CreatePredictionEngine<Ticket, Routing>(model);
        string queue = engine.Predict(new Ticket { Text = "I paid twice." }).Queue;
        Console.WriteLine(queue);
    }

    public static void Transform(PTuningV2Transformer model, IDataView newTickets)
    {
        IDataView scored = model.Transform(newTickets);
        foreach (float[] scores in scored.GetColumn<float[]>("Score"))
            Console.WriteLine(string.Join(" ", scores)); // A probability per class.
    }

    public static void OutputSchema(PTuningV2Transformer model, IDataView newTickets)
    {
        foreach (var column in model.GetOutputSchema(newTickets.Schema))
            Console.WriteLine($"{column.Name}: {column.Type}");
    }

    public static void Predict(PTuningV2Transformer model)
    {
        Ticket[] tickets = [new() { Text = "I paid twice." }, new() { Text = "My parcel is late." }]; // Text: a property.
        foreach (var routing in model.Predict<Ticket, RoutingScores>(tickets))
            Console.WriteLine(string.Join(" ", routing.Score)); // Score: a property, float[].
    }

    public static void SaveToFile(MLContext mlContext, PTuningV2Transformer model)
    {
        model.SaveTo("queue.zip", halfPrecision: true);
        using var loaded = PTuningV2Transformer.LoadFrom(mlContext, "queue.zip");
    }

    public static void SaveToStream(MLContext mlContext, PTuningV2Transformer model)
    {
        using var stream = new MemoryStream();
        model.SaveTo(stream);
        stream.Position = 0;
        using var loaded = PTuningV2Transformer.LoadFrom(mlContext, stream);
    }

    public static void Directory()
    {
        var mlContext = new MLContext();
        mlContext.SetPTuningBackboneDirectory("encoders/bert-base-cased");
        ITransformer model = mlContext.Model.Load("tickets.zip", out _);
        Console.WriteLine(model.IsRowToRowMapper);
    }

    public static async Task Download(MLContext mlContext)
    {
        var progress = new Progress<BackboneDownloadProgress>(p => Console.WriteLine($"{p.File}: {p.Bytes} of {p.TotalBytes} bytes"));
        string folder = await mlContext.DownloadPTuningBackboneAsync("hf://google-bert/bert-base-cased", progress);
        Console.WriteLine(folder);
    }

    public static void Precision()
    {
        var mlContext = new MLContext { GpuDeviceId = 0 };
        mlContext.SetPTuningPrecision(BackbonePrecision.BFloat16);
        ITransformer model = mlContext.Model.Load("tickets.zip", out _);
        Console.WriteLine(model.IsRowToRowMapper);
    }

    public static void Cores()
    {
        var mlContext = new MLContext();
        mlContext.SetPTuningScoringCores(2);
        ITransformer model = mlContext.Model.Load("tickets.zip", out _);
        Console.WriteLine(model.IsRowToRowMapper);
    }

    public static void Summary(PTuningV2Transformer model)
    {
        string report = model.Summary?.ToString() ?? "The file does not tell how the model was trained.";
        Console.WriteLine(report);
    }

    public static void Warnings(PTuningV2Transformer model)
    {
        foreach (var warning in model.Summary?.Warnings ?? [])
            Console.WriteLine($"{warning.Code}: {warning.ToString()}");
    }

    public class Ticket { public string Text { get; set; } = ""; }

    public class Routing { [ColumnName("PredictedLabel")] public string Queue { get; set; } = ""; }

    public class RoutingScores { public float[] Score { get; set; } = []; }
}
