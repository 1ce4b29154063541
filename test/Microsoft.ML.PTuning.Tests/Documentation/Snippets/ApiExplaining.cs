using Microsoft.ML;
using Microsoft.ML.PTuning;

namespace Documentation.Snippets;

/// <summary>XML docs and docs/explaining.md: what the prefix does, and what a prediction rests on.</summary>
internal static class ApiExplaining
{
    public static void Prefix(PTuningV2Transformer model, IDataView newTickets)
    {
        PrefixReport report = model.ExplainPrefix(newTickets);
        Console.WriteLine(report.ToString());
        double first = report.MassAt(layer: 0, head: 0, position: 0);
        Console.WriteLine(first);
    }

    public static void Pictures(PTuningV2Transformer model, IDataView newTickets)
    {
        model.Summary?.PlotCurves("curves.png");
        model.ExplainPrefix(newTickets).PlotHeatMap("prefix.png");
    }

    public static void Pruned(PTuningV2Transformer model, IDataView newTickets)
    {
        using var smaller = model.PrunePrefix(model.ExplainPrefix(newTickets), keepPositions: 8, keepLayers: 4);
        smaller.SaveTo("smaller.zip");
    }

    public static void Words(PTuningV2Transformer model)
    {
        foreach (TokenContribution word in model.ExplainPrediction(new Ticket { Text = "I paid twice." }))
            Console.WriteLine(word.ToString()); // Such as: billing: 'twice' +1.20
    }

    public static void TensorBoard(MLContext mlContext, IDataView trainingRows)
    {
        var log = new TensorBoardLog("runs/tickets"); // tensorboard --logdir runs
        var model = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Progress = log,
        }).Fit(trainingRows);
        log.Complete(model.Summary!);
    }

    public static void Progress(PTuningV2Trainer.MulticlassOptions options)
    {
        options.Progress = new TensorBoardLog("runs/tickets"); // Its Report is called after every step.
    }

    public class Ticket { public string Text { get; set; } = ""; }
}
