using System.Globalization;

namespace Microsoft.ML.PTuning;

/// <summary>A training of a <see cref="PTuningSweep{TOptions}"/> and its metric.</summary>
/// <typeparam name="TOptions">The options of the task.</typeparam>
public sealed class PTuningSweepTrial<TOptions>
    where TOptions : PTuningV2Trainer.Options
{
    internal PTuningSweepTrial()
    {
    }

    /// <summary>From 1, in the order of the search.</summary>
    public required int Number { get; init; }

    /// <summary>All options of the trial, for a trainer: <c>mlContext.MulticlassClassification.Trainers.PTuningV2(trial.Options)</c>.</summary>
    public required TOptions Options { get; init; }

    /// <summary>The options that the sweep varied, by name.</summary>
    public required IReadOnlyDictionary<string, object> Values { get; init; }

    /// <summary>The metric on the validation rows; NaN if the trial failed.</summary>
    public required double Metric { get; init; }

    /// <summary>How long training and scoring took; for a trial of the results file, when it ran.</summary>
    public required TimeSpan Time { get; init; }

    /// <summary>Whether the metric was in the results file.</summary>
    public required bool WasKnown { get; init; }

    /// <summary>Why the trial failed; null if it did not.</summary>
    public string? Error { get; init; }

    /// <summary>Writes the varied options, and the metric or the error.</summary>
    /// <example>
    /// <code>
    /// foreach (var trial in result.Trials)
    ///     Console.WriteLine(trial.ToString());
    /// </code>
    /// </example>
    public override string ToString()
    {
        var values = string.Join(", ", Values.Select(value => string.Create(CultureInfo.InvariantCulture, $"{value.Key} {value.Value}")));
        return Error is null ? string.Create(CultureInfo.InvariantCulture, $"{values}: {Metric:F4}") : $"{values}: failed: {Error}";
    }
}
