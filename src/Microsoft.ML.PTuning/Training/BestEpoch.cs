using Microsoft.ML.PTuning.Prompts;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Training;

/// <summary>An epoch, and the predictions by which it is judged: of the validation set where there is one, else of the training rows.</summary>
internal sealed record EpochOutcome(EpochSummary Summary, IReadOnlyList<Prediction> Predictions, IReadOnlyList<Example> Examples);

/// <summary>Keeps the weights of the best epoch on the validation set, or of the last where there is none.</summary>
internal sealed class BestEpoch : IDisposable
{
    private EpochOutcome? _outcome;
    private TrainedTensors? _tensors;

    /// <summary>The epoch that is kept, from 1.</summary>
    public int Number => _outcome?.Summary.Epoch ?? 0;

    public void Offer(EpochOutcome outcome, PromptOptimizer optimizer)
    {
        if (_outcome is not null && !IsBetter(outcome.Summary, _outcome.Summary))
            return;

        _tensors?.Dispose();
        using var current = optimizer.Current();
        (_outcome, _tensors) = (outcome, current.Copy());
    }

    /// <summary>Hands the weights over.</summary>
    public (EpochOutcome Outcome, TrainedTensors Tensors) Take()
    {
        var taken = (_outcome!, _tensors!);
        _tensors = null;
        return taken;
    }

    public void Dispose() => _tensors?.Dispose();

    // A tie in the metric, common on small sets, goes to the lower loss.
    private static bool IsBetter(EpochSummary epoch, EpochSummary best) =>
        epoch.ValidationMetric is null
        || epoch.ValidationMetric > best.ValidationMetric
        || (epoch.ValidationMetric == best.ValidationMetric && epoch.ValidationLoss < best.ValidationLoss);
}
