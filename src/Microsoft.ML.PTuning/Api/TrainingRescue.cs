using System.Text.Json.Serialization;

namespace Microsoft.ML.PTuning;

/// <summary>Why a training was taken back.</summary>
public enum TrainingRescueReason
{
    /// <summary>A loss or a weight became NaN or infinite.</summary>
    NotFinite,

    /// <summary>The predictions were the same for all rows, with a loss as high as that of guessing by the frequencies of the labels.</summary>
    OnePrediction,

    /// <summary>The loss stayed above that of guessing by the frequencies of the labels, if not by much.</summary>
    NothingLearned,

    /// <summary>The loss was far above that of guessing by the frequencies of the labels.</summary>
    AboveGuessing,

    /// <summary>The gradients grew a thousandfold.</summary>
    ExplodingGradients,

    /// <summary>The metric on the validation set lost half of what it had gained over guessing, and the loss rose by half.</summary>
    ValidationFellApart,
}

/// <summary>A training that was going wrong was taken back to its best state, and went on with half the learning rate.</summary>
public sealed class TrainingRescue
{
    [JsonConstructor]
    internal TrainingRescue()
    {
    }

    /// <summary>What was going wrong.</summary>
    public required TrainingRescueReason Reason { get; init; }

    /// <summary>The epoch in which it was noticed, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>The optimiser steps that were done by then, over all epochs.</summary>
    public required int Step { get; init; }

    /// <summary>The highest learning rate from there on.</summary>
    public required double LearningRate { get; init; }
}
