using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;

namespace Microsoft.ML.PTuning;

/// <summary>How a model was trained. It is saved with the model.</summary>
public sealed class TrainingSummary
{
    private long _tensorBytes;

    [JsonConstructor]
    internal TrainingSummary()
    {
    }

    /// <summary>Numbers that training changed: those of the method and the head, and the reparameterisation where there was one.</summary>
    public required long TrainedParameters { get; init; }

    /// <summary><see cref="TrainedParameters"/> as a share of the backbone's parameters, 0 to 1.</summary>
    public required double TrainedShare { get; init; }

    /// <summary>Size of the saved tensors in F32: those of the method and the head.</summary>
    public required long TensorBytes
    {
        get => _tensorBytes;
        init => _tensorBytes = value;
    }

    /// <summary>Rows that training used.</summary>
    public required int RowsUsed { get; init; }

    /// <summary>Rows without a label, left out.</summary>
    public required int RowsSkipped { get; init; }

    /// <summary>Rows of which text was dropped because it was longer than <c>MaxLength</c> tokens allow: texts, questions; and rows whose
    /// label, a text to write, has more than <c>MaxNewTokens</c>. Sentences to tag and
    /// contexts are read window by window instead.</summary>
    public required int RowsTruncated { get; init; }

    /// <summary>Rows whose label does not agree with their text (an answer, an entity that is not where it is said to be), left out.</summary>
    public int RowsMisaligned { get; init; }

    /// <summary>Losses and metrics, epoch by epoch.</summary>
    public required IReadOnlyList<EpochSummary> Epochs { get; init; }

    /// <summary>The epoch, from 1, whose weights the model has: the best on the validation set where there was one, else the last.</summary>
    public required int BestEpoch { get; init; }

    /// <summary>What looks wrong, and what to do about it; empty where nothing does.</summary>
    public required IReadOnlyList<TrainingWarning> Warnings { get; init; }

    /// <summary>
    /// When the training was going wrong and was taken back (<see cref="TrainingOptions.MaxRescues"/>); empty where it was not. Several tasks on one
    /// prefix have them in common.
    /// </summary>
    public IReadOnlyList<TrainingRescue> Rescues { get; init; } = [];

    /// <summary>The seed of initial values, order of rows and dropout.</summary>
    public required int Seed { get; init; }

    /// <summary>How the learning rate was found; null where it was given (<see cref="LearningRates.Auto"/>).</summary>
    public LearningRateTest? LearningRateTest { get; init; }

    /// <summary>Parts that each batch was split into. The same seed gives the same bits for the same number of shards.</summary>
    public required int Shards { get; init; }

    /// <summary>How long the training took, validation included.</summary>
    public required TimeSpan TrainingTime { get; init; }

    /// <summary>Training rows a second, validation not counted.</summary>
    public required double SamplesPerSecond { get; init; }

    /// <summary>The same training, of which other tensors are saved.</summary>
    internal TrainingSummary Saving(long tensorBytes)
    {
        var copy = (TrainingSummary)MemberwiseClone();
        copy._tensorBytes = tensorBytes;
        return copy;
    }

    /// <summary>Writes a line with the metrics of the best epoch, rows, parameters and time, then a line per rescue and per warning.</summary>
    /// <example>
    /// <code>
    /// string report = model.Summary?.ToString() ?? "The file does not tell how the model was trained.";
    /// Console.WriteLine(report);
    /// </code>
    /// </example>
    public override string ToString()
    {
        var text = new StringBuilder();
        if (Epochs.FirstOrDefault(epoch => epoch.Epoch == BestEpoch) is { } best)
        {
            if (best.ValidationMetric is { } validation)
                text.Append(CultureInfo.InvariantCulture, $"{best.MetricName} {validation:F3} on the validation rows, ");
            text.Append(CultureInfo.InvariantCulture, $"{best.MetricName} {best.Metric:F3} on the training rows in epoch {BestEpoch} of {Epochs.Count}; ");
        }
        text.Append(CultureInfo.InvariantCulture, $"{RowsUsed} rows ({RowsSkipped} skipped, {RowsTruncated} truncated, {RowsMisaligned} misaligned); ");
        text.Append(CultureInfo.InvariantCulture, $"{TrainedParameters} parameters trained ({100 * TrainedShare:F2} % of the encoder's) ");
        text.Append(CultureInfo.InvariantCulture, $"in {TrainingTime.TotalSeconds:F1} s");
        foreach (var rescue in Rescues)
            text.Append(
                CultureInfo.InvariantCulture,
                $"\nTaken back in epoch {rescue.Epoch} ({rescue.Reason}); learning rate {rescue.LearningRate:G3} from there on");
        foreach (var warning in Warnings)
            text.Append($"\nWarning ({warning.Code}): {warning.Text}");
        return text.ToString();
    }
}
