using Microsoft.ML.PTuning.Methods;

namespace Microsoft.ML.PTuning.Training;

/// <summary>An epoch that has ended.</summary>
/// <param name="Collapse">
/// What is wrong if its predictions are all the same: those of the validation set if there is one, else of the training rows. Null if they are not.
/// </param>
internal sealed record EpochOutcome(EpochSummary Summary, string? Collapse = null);

/// <summary>Keeps the weights of the epoch that is best on the validation sets; without validation sets, those of the last epoch.</summary>
internal sealed class BestEpoch : IDisposable
{
    private TrainedTensors[] _tensors = [];

    /// <summary>The best epoch of each task.</summary>
    public IReadOnlyList<EpochOutcome> Outcomes { get; private set; } = [];

    /// <summary>The number of the best epoch, from 1; 0 if there is none yet.</summary>
    public int Number => Outcomes.Count == 0 ? 0 : Outcomes[0].Summary.Epoch;

    /// <summary>The weights of the best epoch, one set per task.</summary>
    public IReadOnlyList<TrainedTensors> Tensors => _tensors;

    /// <param name="outcomes">One per task.</param>
    public void Offer(IReadOnlyList<EpochOutcome> outcomes, PromptOptimizer optimizer)
    {
        if (Outcomes.Count > 0 && !IsBetter(outcomes, Outcomes))
            return;

        Dispose();
        _tensors = [.. outcomes.Select((_, task) => Copy(optimizer, task))];
        Outcomes = outcomes;
    }

    /// <summary>Takes over the best epoch of a training that was stopped.</summary>
    public void Restore(IReadOnlyList<EpochOutcome> outcomes, TrainedTensors[] tensors)
    {
        Dispose();
        (Outcomes, _tensors) = (outcomes, tensors);
    }

    /// <summary>Hands over the weights of each task.</summary>
    public IReadOnlyList<TrainedTensors> Take()
    {
        var taken = _tensors;
        _tensors = [];
        return taken;
    }

    public void Dispose()
    {
        foreach (var tensors in _tensors)
            tensors.Dispose();
    }

    private static TrainedTensors Copy(PromptOptimizer optimizer, int task)
    {
        using var current = optimizer.Current(task);
        return current.Copy();
    }

    // Compares the mean over the tasks that have a validation set. The lower loss decides ties, which are common on small sets.
    private static bool IsBetter(IReadOnlyList<EpochOutcome> epoch, IReadOnlyList<EpochOutcome> best)
    {
        var (metric, bestMetric) = (MeanMetric(epoch), MeanMetric(best));
        return metric is null
            || metric > bestMetric
            || (metric == bestMetric && Mean(epoch, e => e.ValidationLoss) < Mean(best, e => e.ValidationLoss));
    }

    /// <summary>The mean metric of the tasks that have a validation set; null if no task has one.</summary>
    /// <remarks>Among several tasks, an R² far below 0 must not decide for those whose metrics lie between 0 and 1: it counts as 0.</remarks>
    public static double? MeanMetric(IReadOnlyList<EpochOutcome> outcomes) =>
        Mean(outcomes, e => outcomes.Count > 1 && e.ValidationMetric < 0 ? 0 : e.ValidationMetric);

    private static double? Mean(IReadOnlyList<EpochOutcome> outcomes, Func<EpochSummary, double?> select) => outcomes.Average(o => select(o.Summary));
}
