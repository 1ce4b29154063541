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

    /// <summary>The metric on the training rows, with dropout, while they were learned.</summary>
    public required double Metric { get; init; }

    /// <summary>Mean loss over the whole validation set; null without one.</summary>
    public double? ValidationLoss { get; init; }

    /// <summary>The metric over the whole validation set; null without one.</summary>
    public double? ValidationMetric { get; init; }

    /// <summary>What the metrics are: accuracy for classification, R² for regression; more is better.</summary>
    public required string MetricName { get; init; }
}
