using System.Text.Json;
using System.Text.Json.Nodes;
using MathNet.Numerics.Statistics;
using Microsoft.ML.PTuning;
using PaperTasks.DataSets;
using PaperTasks.Experiments;
using PaperTasks.Methods;

namespace PaperTasks;

/// <summary>The outcome of all seeds, as lines and as JSON. Metrics are between 0 and 1 (correlations between -1 and 1).</summary>
/// <param name="Reading">How the rows were read; its template means something to tasks that have them only.</param>
internal sealed record Report(PaperTask Task, Method Method, Settings Settings, Reading Reading, DataFiles Files, IReadOnlyList<RunResult> Runs)
{
    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>The tasks that trained the prefix together, with the rows of the first seed; null where there was one task.</summary>
    public SharedTraining? Shared { get; init; }

    private RunResult First => Runs[0];

    private IEnumerable<int> MetricIndices => Enumerable.Range(0, First.Metrics.Count);

    private double TrainSeconds => Runs.Average(run => run.TrainingTime.TotalSeconds);

    private double EvaluateSeconds => Runs.Average(run => run.EvaluationTime.TotalSeconds);

    /// <summary>Rows and options, then a line for each seed and one for their mean, each of which says what it is about.</summary>
    public IEnumerable<string> Lines()
    {
        yield return $"{First.TrainRows:N0} training rows of {Path.GetFileName(Files.Train)}, {First.DevRows:N0} judged rows {JudgedRows}";
        foreach (Companion companion in Shared?.Companions ?? [])
            yield return $"the prefix was also trained on {companion.Data.TrainRows:N0} rows of {companion.Name}, {Path.GetFileName(companion.File)}";
        yield return $"options: {string.Join(", ", from option in Options() where option.Value is not null select $"{option.Key} {Plain(option.Value)}")}";
        if (First.Summary is { } summary)
        {
            yield return $"{summary.TrainedParameters:N0} trained parameters, {summary.TrainedShare:P2} of the encoder's; "
                + $"zip {First.ZipBytes:N0} bytes, tensors {summary.TensorBytes:N0}";
            yield return $"{summary.RowsUsed:N0} training rows used, {summary.RowsSkipped:N0} skipped, {summary.RowsTruncated:N0} truncated, "
                + $"{summary.RowsMisaligned:N0} left out because their label is not in their text";
        }

        foreach (RunResult run in Runs)
        {
            foreach (TrainingWarning warning in run.Summary?.Warnings ?? [])
                yield return $"seed {run.Seed}: {warning}";
        }

        string subject = $"{Task.Name}, {Method.Name}, {First.Encoder ?? "no encoder"}";
        foreach (RunResult run in Runs)
        {
            yield return $"{subject}, seed {run.Seed}: {string.Join(", ", run.Metrics.Select(metric => $"{metric.Key} {metric.Value:F4}"))}; "
                + $"{Seconds(run.TrainingTime.TotalSeconds, run.EvaluationTime.TotalSeconds)}{Epoch(run.Summary)}";
        }

        string seeds = Runs.Count > 1 ? $"mean ± deviation of {Runs.Count} seeds" : "mean of 1 seed";
        yield return $"{subject}, {seeds}: {string.Join(", ", MetricIndices.Select(Mean))}; {Seconds(TrainSeconds, EvaluateSeconds)}";
    }

    /// <summary>Times, rates and sizes: times and rates are the seeds' mean, sizes the first seed's.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            Task = Task.Name,
            Method = Method.Name,
            Backbone = First.Encoder,
            Metric = First.Metrics[0].Key,
            Mean = Values(0).Mean(),
            Deviation = Deviation(Values(0)),
            PerSeed = Values(0),
            Metrics = MetricIndices.ToDictionary(i => First.Metrics[i].Key, i => Values(i).Mean()),
            First.TrainRows,
            First.DevRows,
            First.Summary?.TrainedParameters,
            FoundLearningRates = First.Summary?.LearningRateTest is null ? null : Runs.Select(run => run.Summary!.LearningRateTest!.LearningRate),
            TrainSeconds,
            EvaluateSeconds,
            TrainSamplesPerSecond = Runs.Average(run => run.Summary?.SamplesPerSecond),
            EvaluateSamplesPerSecond = Runs.Average(run => run.EvaluationRate),
            Rescues = Runs.Any(run => run.Summary?.Rescues.Count > 0)
                ? Runs.SelectMany(run => run.Summary?.Rescues ?? []).CountBy(rescue => rescue.Reason.ToString()).ToDictionary()
                : null,
            First.ZipBytes,
            First.Summary?.TensorBytes,
            Options = Options(),
        },
        Format);

    private string JudgedRows => Reading.HoldOut is null
        ? $"of {Path.GetFileName(Files.Dev)}"
        : $"held out of {Path.GetFileName(Files.Train)}";

    // The method's own, then those of the rows.
    private JsonObject Options()
    {
        JsonObject options = JsonSerializer.SerializeToNode(Method.Options(Settings), Format)!.AsObject();
        JsonObject rows = JsonSerializer.SerializeToNode(
            new
            {
                Template = Task.HasTemplates ? Reading.Template : (int?)null,
                Reading.TokenColumn,
                Reading.LabelColumn,
                Reading.Limit,
                Reading.DevLimit,
                Reading.PerClass,
                Reading.HoldOut,
                With = Shared is null ? null : string.Join(';', Shared.Companions.Select(companion => $"{companion.Name}={companion.Data.TrainRows}")),
                Continue = Shared?.ContinuationEpochs,
                Settings.Seeds,
                First.Summary?.Shards,
            },
            Format)!.AsObject();
        foreach ((string name, JsonNode? value) in rows)
            options.Add(name, value?.DeepClone());
        return options;
    }

    private string Epoch(TrainingSummary? summary)
    {
        string kept = Settings.KeepsBestEpoch ? "the best on the judged rows" : "the last";
        string found = summary?.LearningRateTest is { } test ? $"; learning rate {test.LearningRate:G3}, found by {test.Losses.Count} steps" : "";
        return summary is null ? "" : $"; epoch {summary.BestEpoch} of {summary.Epochs.Count}, {kept}{found}";
    }

    private static string Plain(JsonNode value) => value.ToJsonString().Trim('"');

    private static string Seconds(double training, double evaluation) => $"{training:F1} s training, {evaluation:F1} s evaluation";

    private string Mean(int metric)
    {
        string deviation = Deviation(Values(metric)) is { } value ? $" ± {value:F4}" : "";
        return $"{First.Metrics[metric].Key} {Values(metric).Mean():F4}{deviation}";
    }

    private double[] Values(int metric) => [.. Runs.Select(run => run.Metrics[metric].Value)];

    // The sample's, with n - 1; one seed has none.
    private static double? Deviation(IReadOnlyList<double> values) => values.Count > 1 ? values.StandardDeviation() : null;
}
