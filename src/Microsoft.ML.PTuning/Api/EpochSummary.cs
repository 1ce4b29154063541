using System.Text.Json.Serialization;

namespace Microsoft.ML.PTuning;

/// <summary>One epoch of training.</summary>
/// <remarks>In multi-task learning, loss and metric on the training rows are NaN in an epoch in which none of the task's batches was drawn.</remarks>
public sealed class EpochSummary
{
    [JsonConstructor]
    internal EpochSummary()
    {
    }

    /// <summary>From 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>Mean training loss, with dropout.</summary>
    public required double Loss { get; init; }

    /// <summary>The metric on the training rows, with dropout, while they were learned; a row that is read in windows counts window by window.</summary>
    public required double Metric { get; init; }

    /// <summary>Mean loss over the whole validation set; null without one.</summary>
    public double? ValidationLoss { get; init; }

    /// <summary>The metric over the whole validation set; null without one.</summary>
    public double? ValidationMetric { get; init; }

    /// <summary>The learning rate of its last step; null where nothing was trained, and in models of versions that did not record it.</summary>
    public double? LearningRate { get; init; }

    /// <summary>What the metrics are: accuracy for classes and choices, R² for numbers, F1 for answers and for entities; more is better.</summary>
    public required string MetricName { get; init; }
}
