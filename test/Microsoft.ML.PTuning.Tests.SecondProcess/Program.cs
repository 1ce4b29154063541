using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;

// Program MODEL DATA.tsv [BACKBONE-DIRECTORY]   DATA: text TAB label, no header.
// Loads a saved model as any ML.NET application would, evaluates it on all rows, predicts the first ones singly and prints one line of JSON.
// Program MODEL DATA.idv SCORED.idv             DATA: rows in ML.NET's binary form, whatever columns the model asks for.
// Loads a saved model of any task and writes the rows with the columns that it adds.
if (args.Length is < 2 or > 3)
{
    Console.Error.WriteLine("usage: MODEL DATA.tsv [BACKBONE-DIRECTORY] | MODEL DATA.idv SCORED.idv");
    return 2;
}

const int PredictedRows = 5;

var mlContext = new MLContext();
if (args[1].EndsWith(".idv", StringComparison.Ordinal))
{
    using var scored = File.Create(args[2]);
    mlContext.Data.SaveAsBinary(mlContext.Model.Load(args[0], out _).Transform(mlContext.Data.LoadFromBinary(args[1])), scored);
    return 0;
}
if (args.Length == 3)
    mlContext.SetOption("PTuning.BackboneDirectory", args[2]);

var model = mlContext.Model.Load(args[0], out _);
var data = mlContext.Data.LoadFromTextFile<Input>(args[1]);
var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(data));

using var engine = mlContext.Model.CreatePredictionEngine<Input, Output>(model);
var predictions = mlContext.Data.CreateEnumerable<Input>(mlContext.Data.TakeRows(data, PredictedRows), reuseRowObject: false)
    .Select(engine.Predict)
    .Select(output => new { label = output.PredictedLabel, scores = output.Score })
    .ToArray();

Console.WriteLine(JsonSerializer.Serialize(new { microAccuracy = metrics.MicroAccuracy, logLoss = metrics.LogLoss, predictions }));
return 0;

internal sealed class Input
{
    [LoadColumn(0)]
    public string Text { get; set; } = "";

    [LoadColumn(1)]
    public string Label { get; set; } = "";
}

internal sealed class Output
{
    public string PredictedLabel { get; set; } = "";

    public float[] Score { get; set; } = [];
}
