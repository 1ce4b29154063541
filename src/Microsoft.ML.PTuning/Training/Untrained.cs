using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training;

/// <summary>A task for which nothing is trained: a verbalizer over an encoder that stays as it is (zero-shot). Its rows are only measured.</summary>
internal static class Untrained
{
    /// <summary>Whether neither method nor head has a tensor to train.</summary>
    public static bool Is(PromptNetwork network)
    {
        var backbone = network.Encoder.Backbone;
        return network.Encoder.Method.Declare(backbone).Count == 0 && network.Head.Declare(backbone).Count == 0;
    }

    /// <returns>No tensors, and one epoch, in which the rows were predicted.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static TrainingResult Measure(TrainingTask task, TrainingSettings settings, int padId, Device device)
    {
        var (learner, clock) = (new TaskLearner(task, settings.BatchSize), new TrainingClock([task.Training.Examples.Count], settings.BatchSize, 1));
        var tensors = new TrainedTensors();
        var predictor = new Predictor(task.Network, padId, device);
        clock.StartStep();
        var (predictions, loss) = Evaluate(task.Training);
        clock.EndStep(predictions.Length);
        var summary = new EpochSummary
        {
            Epoch = 1,
            Loss = loss,
            Metric = task.Task.Measure(predictions, task.Training.Examples),
            MetricName = task.Task.MetricName,
        };
        var outcome = new EpochOutcome(summary, learner.FindCollapse(predictions, task.Training.Examples));
        if (task.Validation is { } validation)
        {
            var (judged, validationLoss) = Evaluate(validation);
            summary = new EpochSummary
            {
                Epoch = 1,
                Loss = loss,
                Metric = summary.Metric,
                ValidationLoss = validationLoss,
                ValidationMetric = task.Task.Measure(judged, validation.Examples),
                MetricName = summary.MetricName,
            };
            outcome = new EpochOutcome(summary, learner.FindCollapse(judged, validation.Examples));
        }
        settings.Log(learner.Subject("Nothing is trained: the method trains no tensors, and the verbalizer has none."));
        settings.Log(learner.Add(summary, epochs: 1));
        return new(tensors, learner.Summarise(outcome, trainedParameters: 0, tensors.Bytes, settings, clock, rescues: []), outcome);

        (Prediction[] Predictions, double Loss) Evaluate(ExampleSet rows) =>
            predictor.Evaluate(rows.Examples, tensors, task.Task.ForScoring, settings.CheckCancelled);
    }
}
