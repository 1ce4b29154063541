using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Training;

/// <summary>One task in training: gives its batches, and summarises its epochs.</summary>
internal sealed class TaskLearner(TrainingTask learned, int batchSize)
{
    private readonly Example[] _examples = [.. learned.Training.Examples.SelectMany(e => e.Split())];
    private readonly Queue<int[]> _planned = [];
    private readonly List<EpochSummary> _epochs = [.. learned.Before?.Summary.Epochs ?? []];
    private int[]? _lengths;
    private List<Prediction> _predictions = [];
    private List<Example> _seen = [];
    private (double Sum, double Weight) _loss;

    public PromptTask Task => learned.Task;

    public ExampleSet? Validation => learned.Validation;

    /// <summary>Rows to learn from. Every part of a split row counts.</summary>
    public int Rows => _examples.Length;

    /// <summary>Steps that counted.</summary>
    public int Steps { get; private set; }

    /// <summary>All epochs so far, those of the training that this one continues included.</summary>
    public IReadOnlyList<EpochSummary> Epochs => _epochs;

    /// <summary>Begins a sentence about this task.</summary>
    public string Subject(string what) => learned.Subject(what);

    /// <summary>The rows of the next step. When all rows have been used, a new order is planned.</summary>
    public Example[] NextBatch(Random random)
    {
        if (_planned.Count == 0)
        {
            _lengths ??= [.. _examples.Select(e => e.SinglePart().Length)];
            foreach (var batch in BatchPlanner.PlanEpoch(_lengths, batchSize, random))
                _planned.Enqueue(batch);
        }
        return [.. _planned.Dequeue().Select(row => _examples[row])];
    }

    /// <summary>Records a step on a batch of this task.</summary>
    /// <returns>What it predicted.</returns>
    public IReadOnlyList<Prediction> Count(IReadOnlyList<Example> batch, StepResult step)
    {
        var terms = Task.LossWeight([.. batch.Select(e => e.SinglePart())]);
        _loss = (_loss.Sum + step.Loss * terms, _loss.Weight + terms);
        Prediction[] predictions = [.. batch.Zip(step.Outputs, (example, output) => Task.Decode(example, [output]))];
        _predictions.AddRange(predictions);
        _seen.AddRange(batch);
        Steps++;
        return predictions;
    }

    /// <summary>The progress after a step on this task.</summary>
    /// <param name="epochs">Epochs planned in this training.</param>
    /// <param name="rescues">How often the training has been taken back.</param>
    public TrainingProgress Report(StepResult step, double learningRate, int epochs, TrainingClock clock, int rescues)
    {
        var last = _epochs.Count == 0 ? null : _epochs[^1];
        return new()
        {
            Task = learned.Name,
            Epoch = _epochs.Count + 1,
            Epochs = PlannedEpochs(epochs),
            Step = clock.Step,
            Steps = clock.Steps,
            Loss = step.Loss,
            Metric = last?.Metric,
            ValidationMetric = last?.ValidationMetric,
            MetricName = Task.MetricName,
            LearningRate = learningRate,
            Rescues = rescues,
            SamplesPerSecond = clock.SamplesPerSecond,
            TimeLeft = clock.TimeLeft,
        };
    }

    /// <summary>Ends an epoch. <see cref="Add"/> adds it to the epochs.</summary>
    /// <param name="learningRate">That of the epoch's last step, of whatever task.</param>
    public EpochOutcome EndEpoch(double learningRate)
    {
        var summary = new EpochSummary
        {
            Epoch = _epochs.Count + 1,
            Loss = _seen.Count == 0 ? double.NaN : _loss.Sum / Math.Max(1, _loss.Weight),
            Metric = _seen.Count == 0 ? double.NaN : Task.Measure(_predictions, _seen),
            LearningRate = learningRate,
            MetricName = Task.MetricName,
        };
        var outcome = new EpochOutcome(summary, FindCollapse(_predictions, _seen));
        (_predictions, _seen, _loss) = ([], [], default);
        return outcome;
    }

    /// <inheritdoc cref="EpochOutcome" path="/param[@name='Collapse']"/>
    public string? FindCollapse(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples) =>
        predictions.Count > 0 ? Task.FindCollapse(predictions, examples) : null;

    /// <summary>Goes on where a training was stopped, after <see cref="NextBatch"/> has given all batches up to there.</summary>
    /// <param name="epochs">The epochs that had ended.</param>
    /// <param name="steps">Steps that counted.</param>
    public void Restore(IEnumerable<EpochSummary> epochs, int steps)
    {
        _epochs.Clear();
        _epochs.AddRange(epochs);
        Steps = steps;
    }

    /// <param name="epochs">Epochs planned in this training.</param>
    /// <returns>A line about the epoch.</returns>
    public string Add(EpochSummary epoch, int epochs)
    {
        _epochs.Add(epoch);
        var trained = FormattableString.Invariant(
            $"Epoch {epoch.Epoch} of {PlannedEpochs(epochs)}: loss {epoch.Loss:F4}, {epoch.MetricName} {epoch.Metric:F4}");
        return Subject(epoch.ValidationMetric is null
            ? trained
            : FormattableString.Invariant($"{trained}; validation loss {epoch.ValidationLoss:F4}, {epoch.MetricName} {epoch.ValidationMetric:F4}"));
    }

    /// <param name="best">The epoch whose weights are the result.</param>
    /// <param name="trainedParameters">Numbers that training changed for this task.</param>
    /// <param name="rescues">When the training was taken back.</param>
    /// <param name="rangeTest">How the learning rate was found; null where it was given.</param>
    public TrainingSummary Summarise(
        EpochOutcome best, long trainedParameters, long tensorBytes, TrainingSettings settings, TrainingClock clock, IReadOnlyList<TrainingRescue> rescues,
        LearningRateTest? rangeTest = null)
    {
        var before = learned.Before?.Summary;
        var trained = before?.TrainedParameters ?? trainedParameters;
        return new()
        {
            TrainedParameters = trained,
            TrainedShare = (double)trained / learned.Network.Encoder.Backbone.ParameterCount,
            TensorBytes = tensorBytes,
            RowsUsed = learned.Training.Examples.Count - learned.Training.Misaligned,
            RowsSkipped = learned.Training.Skipped,
            RowsTruncated = learned.Training.Truncated,
            RowsMisaligned = learned.Training.Misaligned,
            Epochs = _epochs,
            BestEpoch = best.Summary.Epoch,
            Warnings = FindWarnings(best),
            Rescues = [.. before?.Rescues ?? [], .. rescues],
            LearningRateTest = rangeTest,
            Seed = settings.Seed,
            Shards = settings.Shards,
            TrainingTime = (before?.TrainingTime ?? TimeSpan.Zero) + clock.Elapsed,
            SamplesPerSecond = clock.SamplesPerSecond,
        };
    }

    private IReadOnlyList<TrainingWarning> FindWarnings(EpochOutcome best) =>
        [.. learned.RowWarnings.Append(FindFault(best)).OfType<TrainingWarning>().Select(warning => new TrainingWarning(warning.Code, Subject(warning.Text)))];

    private TrainingWarning? FindFault(EpochOutcome best)
    {
        if (_epochs.All(e => double.IsNaN(e.Loss)))
            return new(
                TrainingWarningCode.NotDrawn, "No batch was drawn: its head is as random as it began. Train for more epochs, or raise the Temperature.");
        if (best.Collapse is { } collapse)
            return new(TrainingWarningCode.Collapsed, collapse);

        return learned.Before is null && Steps > 0
            ? TrainingFaults.OfFewSteps(Task, learned.Training, best.Summary, Steps, _epochs.Count)
            : null;
    }

    private int PlannedEpochs(int epochs) => (learned.Before?.Summary.Epochs.Count ?? 0) + epochs;
}
