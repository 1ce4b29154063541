using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tests;

// Program MODEL DATA.tsv [BACKBONE-DIRECTORY]   DATA: text TAB label, no header.
// Loads a saved model as any ML.NET application would, evaluates it on all rows, predicts the first ones singly and prints one line of JSON.
// Program MODEL DATA.idv SCORED.idv TASK        DATA: rows in ML.NET's binary form, whatever columns the model asks for.
// Loads a saved model of another task (of TaskRows), writes the rows with the columns that it adds, and prints what it says of the first rows singly.
if (args.Length is < 2 or > 4)
{
    Console.Error.WriteLine("usage: MODEL DATA.tsv [BACKBONE-DIRECTORY] | MODEL DATA.idv SCORED.idv TASK");
    return 2;
}

var mlContext = new MLContext();
if (args is [var modelFile, var rowsFile, var scoredFile, var task])
{
    var loaded = mlContext.Model.Load(modelFile, out _);
    var rows = mlContext.Data.LoadFromBinary(rowsFile);
    using (var scored = File.Create(scoredFile))
        mlContext.Data.SaveAsBinary(loaded.Transform(rows), scored);
    Console.WriteLine(task switch
    {
        TaskRows.Decisions => PredictSingly<TextRow, Decision>(loaded, rows),
        TaskRows.Ratings => PredictSingly<TextRow, Rating>(loaded, rows),
        TaskRows.Tags => PredictSingly<WordsRow, TaggedWords>(loaded, rows),
        TaskRows.Classes => PredictSingly<TextRow, Classified>(loaded, rows),
        TaskRows.Choices => PredictSingly<ChoicesRow, Classified>(loaded, rows),
        TaskRows.Answers => PredictSingly<QuestionRow, Answered>(loaded, rows),
        TaskRows.Texts => PredictSingly<TextRow, Written>(loaded, rows),
        _ => throw new ArgumentException($"There is no task '{task}'."),
    });
    return 0;
}

if (args.Length == 3)
    mlContext.SetOption("PTuning.BackboneDirectory", args[2]);

var model = mlContext.Model.Load(args[0], out _);
var data = mlContext.Data.LoadFromTextFile<Input>(args[1]);
var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(data));

using var engine = mlContext.Model.CreatePredictionEngine<Input, Output>(model);
var predictions = First<Input>(data).Select(engine.Predict)
    .Select(output => new { label = output.PredictedLabel, scores = output.Score })
    .ToArray();

Console.WriteLine(JsonSerializer.Serialize(new { microAccuracy = metrics.MicroAccuracy, logLoss = metrics.LogLoss, predictions }));
return 0;

IEnumerable<TRow> First<TRow>(IDataView rows)
    where TRow : class, new() => mlContext.Data.CreateEnumerable<TRow>(mlContext.Data.TakeRows(rows, TaskRows.Singly), reuseRowObject: false);

string PredictSingly<TRow, TPrediction>(ITransformer model, IDataView rows)
    where TRow : class, new()
    where TPrediction : class, new()
{
    using var engine = mlContext.Model.CreatePredictionEngine<TRow, TPrediction>(model);
    return JsonSerializer.Serialize(First<TRow>(rows).Select(engine.Predict));
}

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
