using System.Text.Json;
using MathNet.Numerics.Statistics;
using Microsoft.ML.PTuning;
using PaperTasks.DataSets;
using Spectre.Console;

namespace PaperTasks;

/// <summary>The outcome of all seeds, as a table and as JSON. Metrics are between 0 and 1 (correlations between -1 and 1).</summary>
/// <param name="Reading">How the rows were read; its template means something to tasks that have them only.</param>
internal sealed record Report(PaperTask Task, string Method, Settings Settings, Reading Reading, IReadOnlyList<RunResult> Runs)
{
    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private string Metric => Runs[0].Metrics[0].Key;

    private IEnumerable<int> MetricIndices => Enumerable.Range(0, Runs[0].Metrics.Count);

    private IReadOnlyList<double> PerSeed => Values(0);

    public void Print()
    {
        var table = new Table().Title(Markup.Escape($"{Task.Name}, {Method}, {Runs[0].Backbone}"));
        table.AddColumn("Seed");
        foreach ((string name, _) in Runs[0].Metrics)
            table.AddColumn(new TableColumn(name).RightAligned());
        foreach (string name in (string[])["best epoch", "train s", "train rows/s", "dev rows/s"])
            table.AddColumn(new TableColumn(name).RightAligned());

        foreach (RunResult run in Runs)
        {
            table.AddRow([
                $"{run.Seed}", .. run.Metrics.Select(metric => $"{metric.Value:F4}"),
                $"{run.Summary.BestEpoch}", $"{run.TrainingTime.TotalSeconds:F1}", $"{run.Summary.SamplesPerSecond:F0}", $"{run.EvaluationRate:F0}"]);
        }

        if (Runs.Count > 1)
        {
            table.AddEmptyRow();
            table.AddRow(["mean", .. MetricIndices.Select(i => $"{Values(i).Mean():F4}")]);
            table.AddRow(["deviation", .. MetricIndices.Select(i => $"{Deviation(Values(i)):F4}")]);
        }

        AnsiConsole.Write(table);

        TrainingSummary summary = Runs[0].Summary;
        Console.WriteLine($"{summary.TrainedParameters:N0} trained parameters, {summary.TrainedShare:P2} of the backbone's; "
            + $"zip {Runs[0].ZipBytes:N0} bytes, tensors {summary.TensorBytes:N0}.");
        Console.WriteLine($"{summary.RowsUsed:N0} training rows used, {summary.RowsSkipped:N0} skipped, {summary.RowsTruncated:N0} truncated, "
            + $"{summary.RowsMisaligned:N0} left out because their label is not in their text.");
        foreach (RunResult run in Runs)
        {
            foreach (string warning in run.Summary.Warnings)
                Console.WriteLine($"Seed {run.Seed}: {warning}");
        }
    }

    /// <summary>Times, rates and sizes: times and rates are the seeds' mean, sizes the first seed's.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            Task = Task.Name,
            Method,
            Runs[0].Backbone,
            Metric,
            Mean = PerSeed.Mean(),
            Deviation = Deviation(PerSeed),
            PerSeed,
            Metrics = MetricIndices.ToDictionary(i => Runs[0].Metrics[i].Key, i => Values(i).Mean()),
            Runs[0].Summary.TrainedParameters,
            TrainSeconds = Runs.Average(run => run.TrainingTime.TotalSeconds),
            TrainSamplesPerSecond = Runs.Average(run => run.Summary.SamplesPerSecond),
            EvaluateSamplesPerSecond = Runs.Average(run => run.EvaluationRate),
            Runs[0].ZipBytes,
            Runs[0].Summary.TensorBytes,
            Options = new
            {
                Settings.PrefixLength,
                Settings.PrefixLayers,
                Settings.Projection,
                Settings.LearningRate,
                Settings.Epochs,
                Settings.BatchSize,
                Settings.MaxLength,
                PositionOffset = Settings.PositionOffset == PositionOffset.Prefix ? "prefix" : "none",
                Settings.PadToMax,
                Settings.PrefixDropout,
                Settings.HeadDropout,
                Settings.BackboneDropout,
                Template = Task.HasTemplates ? Reading.Template : (int?)null,
                Reading.TokenColumn,
                Reading.LabelColumn,
                Reading.Limit,
                Reading.DevLimit,
                Settings.Seeds,
                Runs[0].Summary.Shards,
            },
        },
        Format);

    private double[] Values(int metric) => [.. Runs.Select(run => run.Metrics[metric].Value)];

    // The sample's, with n - 1; one seed has none.
    private static double? Deviation(IReadOnlyList<double> values) => values.Count > 1 ? values.StandardDeviation() : null;
}
