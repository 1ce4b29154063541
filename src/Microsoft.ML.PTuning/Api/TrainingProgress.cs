namespace Microsoft.ML.PTuning;

/// <summary>Where training stands, reported after every step.</summary>
public sealed class TrainingProgress
{
    internal TrainingProgress()
    {
    }

    /// <summary>The task that this step learned, in multi-task learning; else null.</summary>
    public string? Task { get; init; }

    /// <summary>The epoch under way, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>Epochs planned.</summary>
    public required int Epochs { get; init; }

    /// <summary>Optimiser steps done, over all epochs.</summary>
    public required int Step { get; init; }

    /// <summary>Optimiser steps planned, over all epochs.</summary>
    public required int Steps { get; init; }

    /// <summary>Mean loss of this step's rows.</summary>
    public required double Loss { get; init; }

    /// <summary>The last finished epoch's metric on the training rows, while they were learned: higher than on new rows. Null in the first epoch.</summary>
    public required double? Metric { get; init; }

    /// <summary>The last finished epoch's metric on the validation set; null in the first epoch, and without one.</summary>
    public double? ValidationMetric { get; init; }

    /// <summary>What the metrics are: as in <see cref="EpochSummary.MetricName"/>.</summary>
    public required string MetricName { get; init; }

    /// <summary>The learning rate of this step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>How often the training was going wrong and was taken back (<see cref="TrainingSummary.Rescues"/>).</summary>
    public int Rescues { get; init; }

    /// <summary>Training rows a second, so far.</summary>
    public required double SamplesPerSecond { get; init; }

    /// <summary>Estimate for the steps to come.</summary>
    public required TimeSpan TimeLeft { get; init; }
}
