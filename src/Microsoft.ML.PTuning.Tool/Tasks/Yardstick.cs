using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.Trainers;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>ML.NET's own bag of words and a linear trainer (SDCA) on the same rows: what a model has to beat.</summary>
internal static class Yardstick
{
    public const string Name = "bag of words";

    // FeaturizeText takes minutes for a text of a megabyte.
    private const int MostCharacters = 20_000;

    /// <returns>What it reaches on the held-out rows; null for tasks that it cannot do.</returns>
    /// <param name="note">Is told why there is no yardstick where one was tried.</param>
    public static Measurement? Measure(TrainingRows rows, DataTable training, DataTable held, Action<string> note)
    {
        try
        {
            return Measure(rows, training, held);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            note($"The bag of words cannot learn these rows: {e.Message}");
            return null;
        }
    }

    private static Measurement? Measure(TrainingRows rows, DataTable training, DataTable held)
    {
        var mlContext = new MLContext(seed: 1);
        var (label, texts) = (rows.Columns.Label, rows.Columns.Texts);
        IEstimator<ITransformer>? trainer = rows.Task switch
        {
            ClassificationTask => mlContext.MulticlassClassification.Trainers.SdcaMaximumEntropy(
                new SdcaMaximumEntropyMulticlassTrainer.Options { LabelColumnName = label, NumberOfThreads = 1 }),
            BinaryTask => mlContext.BinaryClassification.Trainers.SdcaLogisticRegression(
                new SdcaLogisticRegressionBinaryTrainer.Options { LabelColumnName = label, NumberOfThreads = 1 }),
            RegressionTask => mlContext.Regression.Trainers.Sdca(new SdcaRegressionTrainer.Options { LabelColumnName = label, NumberOfThreads = 1 }),
            _ => null,
        };
        if (trainer is null)
            return null;

        string[] parts = [.. texts.Select((_, i) => $"Features{i}")];
        var pipeline = rows.Task.Before(mlContext, rows.Columns) ?? mlContext.Transforms.CopyColumns("Copy", label);
        for (var i = 0; i < texts.Count; i++)
            pipeline = pipeline.Append(mlContext.Transforms.Text.FeaturizeText(parts[i], texts[i]));
        var model = pipeline.Append(mlContext.Transforms.Concatenate("Features", parts)).Append(trainer).Fit(rows.View(Shortened(rows, training)));
        return rows.Task.Measure(mlContext, model.Transform(rows.View(Shortened(rows, held))), label);
    }

    private static DataTable Shortened(TrainingRows rows, DataTable table) => table.With(table.Rows.Select(row => row with
    {
        Cells = [.. row.Cells.Select((cell, i) => i < rows.Columns.Texts.Count && cell is string { Length: > MostCharacters } text ? text[..MostCharacters] : cell)],
    }));
}
