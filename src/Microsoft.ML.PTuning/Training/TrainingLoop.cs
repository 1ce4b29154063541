using Microsoft.ML.PTuning.Batching;
using Microsoft.ML.PTuning.Prompts;
using Microsoft.ML.PTuning.Scoring;
using Microsoft.ML.PTuning.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training;

/// <summary>What training gives: the trained tensors, and how they came about.</summary>
internal sealed record TrainingResult(TrainedTensors Tensors, TrainingSummary Summary);

/// <summary>Epochs of steps, validation after each, and the choice of the weights to keep.</summary>
internal sealed class TrainingLoop(PromptNetwork network, PromptTask task, TrainingSettings settings, int padId, Device device)
{
    private readonly Predictor _predictor = new(network, padId, device);

    /// <exception cref="InvalidOperationException">The loss or a weight became NaN or infinite.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; nothing is kept.</exception>
    public TrainingResult Run(ExampleSet training, ExampleSet? validation)
    {
        using var scope = NewDisposeScope();
        using var optimizer = CreateOptimizer();
        using var best = new BestEpoch();
        var random = new Random(settings.Seed);
        Example[] examples = [.. training.Examples.SelectMany(e => e.Split())];
        var lengths = examples.Select(e => e.Parts[0].Length).ToArray();
        var clock = new TrainingClock(examples.Length, settings.BatchSize, settings.MaxEpochs);
        var epochs = new List<EpochSummary>();
        while (epochs.Count < settings.MaxEpochs)
        {
            var batches = BatchPlanner.PlanEpoch(lengths, settings.BatchSize, random);
            var epoch = Train(optimizer, examples, batches, clock, epochs);
            if (validation is not null)
                epoch = Validate(optimizer, validation.Examples, epoch.Summary, clock);

            if (!optimizer.IsFinite()) // The loss tells of the weights before the last step only, where there is no validation.
                throw Divergence("A weight became NaN or infinite", epoch.Summary.Epoch, clock);
            epochs.Add(epoch.Summary);
            settings.Log(Describe(epoch.Summary));
            best.Offer(epoch, optimizer);
            if (settings.EarlyStoppingPatience > 0 && epochs.Count - best.Number >= settings.EarlyStoppingPatience)
                break;
        }
        return Finish(training, optimizer, epochs, best, clock);
    }

    private PromptOptimizer CreateOptimizer()
    {
        using var generator = new Generator((ulong)(uint)settings.Seed);
        Initializer weight = shape => Initializers.Normal(generator)(shape).to(device);
        Initializer bias = shape => Initializers.Zero(shape).to(device);

        var shape = network.Encoder.Shape;
        PrefixParameters? prefix = shape.Length == 0 ? null
            : settings.ProjectionSize > 0 ? new ProjectedPrefix(shape, settings.ProjectionSize, weight, bias)
            : new EmbeddedPrefix(shape, weight);
        var head = network.Head.Declare(network.Encoder.Backbone)
            .ToDictionary(t => t.Name, t => (t.IsBias ? bias : weight)(t.Shape));
        return new PromptOptimizer(settings, prefix, [new LearnedTask(task, network, head)], padId, device);
    }

    private EpochOutcome Train(
        PromptOptimizer optimizer, IReadOnlyList<Example> examples, IReadOnlyList<int[]> batches, TrainingClock clock, IReadOnlyList<EpochSummary> before)
    {
        var (loss, weight) = (0.0, 0.0);
        var predictions = new List<Prediction>(examples.Count);
        var seen = new List<Example>(examples.Count);
        var metric = before.Count == 0 ? default(double?) : before[^1].ValidationMetric ?? before[^1].Metric;
        foreach (var rows in batches)
        {
            settings.CheckCancelled();
            Example[] batch = [.. rows.Select(row => examples[row])];
            var learningRate = settings.LearningRateAt(clock.Step, clock.Steps);

            clock.StartStep();
            ExamplePart[] parts = [.. batch.Select(e => e.Parts[0])];
            var step = optimizer.Step(parts, learningRate);
            clock.EndStep(batch.Length);

            RefuseDivergence(step.Loss, before.Count + 1, clock);
            var terms = task.LossWeight(parts);
            (loss, weight) = (loss + step.Loss * terms, weight + terms);
            predictions.AddRange(batch.Zip(step.Outputs, (example, output) => task.Decode(example, [output])));
            seen.AddRange(batch);
            settings.Progress?.Report(new TrainingProgress
            {
                Epoch = before.Count + 1,
                Epochs = settings.MaxEpochs,
                Step = clock.Step,
                Steps = clock.Steps,
                Loss = step.Loss,
                Metric = metric,
                MetricName = task.MetricName,
                LearningRate = learningRate,
                SamplesPerSecond = clock.SamplesPerSecond,
                TimeLeft = clock.TimeLeft,
            });
        }
        var summary = new EpochSummary
        {
            Epoch = before.Count + 1,
            Loss = loss / Math.Max(1, weight),
            Metric = task.Measure(predictions, seen),
            MetricName = task.MetricName,
        };
        return new EpochOutcome(summary, predictions, seen);
    }

    private EpochOutcome Validate(PromptOptimizer optimizer, IReadOnlyList<Example> examples, EpochSummary trained, TrainingClock clock)
    {
        settings.CheckCancelled();
        using var tensors = optimizer.Current();
        var (predictions, loss) = _predictor.Evaluate(examples, tensors, task, settings.CheckCancelled);
        RefuseDivergence(loss, trained.Epoch, clock);
        var summary = new EpochSummary
        {
            Epoch = trained.Epoch,
            Loss = trained.Loss,
            Metric = trained.Metric,
            ValidationLoss = loss,
            ValidationMetric = task.Measure(predictions, examples),
            MetricName = trained.MetricName,
        };
        return new EpochOutcome(summary, predictions, examples);
    }

    private void RefuseDivergence(double loss, int epoch, TrainingClock clock)
    {
        if (!double.IsFinite(loss))
            throw Divergence(FormattableString.Invariant($"The loss became {loss}"), epoch, clock);
    }

    private InvalidOperationException Divergence(string what, int epoch, TrainingClock clock) => new(
        FormattableString.Invariant($"{what} at step {clock.Step} of {clock.Steps} (epoch {epoch}). The learning rate of {settings.LearningRate} ")
        + "is too high for this data: try a tenth of it, or a warm-up (WarmupRatio = 0.1).");

    private TrainingResult Finish(
        ExampleSet training, PromptOptimizer optimizer, IReadOnlyList<EpochSummary> epochs, BestEpoch best, TrainingClock clock)
    {
        var (outcome, tensors) = best.Take();
        var collapse = task.FindCollapse(outcome.Predictions, outcome.Examples);
        var trained = optimizer.Parameters.Sum(p => p.numel());
        return new TrainingResult(tensors, new TrainingSummary
        {
            TrainedParameters = trained,
            TrainedShare = (double)trained / network.Encoder.Backbone.ParameterCount,
            TensorBytes = tensors.Bytes,
            RowsUsed = training.Examples.Count - training.Misaligned,
            RowsSkipped = training.Skipped,
            RowsTruncated = training.Truncated,
            RowsMisaligned = training.Misaligned,
            Epochs = epochs,
            BestEpoch = outcome.Summary.Epoch,
            Warnings = collapse is null ? [] : [collapse],
            Seed = settings.Seed,
            Shards = settings.Shards,
            TrainingTime = clock.Elapsed,
            SamplesPerSecond = clock.SamplesPerSecond,
        });
    }

    private string Describe(EpochSummary epoch)
    {
        var trained = FormattableString.Invariant($"Epoch {epoch.Epoch} of {settings.MaxEpochs}: loss {epoch.Loss:F4}, {epoch.MetricName} {epoch.Metric:F4}");
        return epoch.ValidationMetric is null
            ? trained
            : FormattableString.Invariant($"{trained}; validation loss {epoch.ValidationLoss:F4}, {epoch.MetricName} {epoch.ValidationMetric:F4}");
    }
}
