namespace Microsoft.ML.PTuning;

/// <summary>Where training stands, reported after every step.</summary>
/// <param name="Epoch">The epoch under way, from 1.</param>
/// <param name="Epochs">Epochs planned.</param>
/// <param name="Step">Optimiser steps done, over all epochs.</param>
/// <param name="Steps">Optimiser steps planned, over all epochs.</param>
/// <param name="Loss">Mean loss of this step's rows.</param>
/// <param name="Metric">The last finished epoch's metric, on the validation set where there is one, else on the training rows; null in the first epoch.</param>
/// <param name="MetricName">What <paramref name="Metric"/> is: accuracy for classification, R² for regression.</param>
/// <param name="LearningRate">The learning rate of this step.</param>
/// <param name="SamplesPerSecond">Training rows a second, so far.</param>
/// <param name="TimeLeft">Estimate for the steps to come.</param>
public sealed record TrainingProgress(
    int Epoch, int Epochs, int Step, int Steps, double Loss, double? Metric, string MetricName,
    double LearningRate, double SamplesPerSecond, TimeSpan TimeLeft);
