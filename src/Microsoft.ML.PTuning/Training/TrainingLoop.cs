using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Training.Distributed;
using Microsoft.ML.PTuning.Training.Resuming;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training;

/// <summary>Runs epochs of steps, validates after each, and chooses the weights to keep. Runs once.</summary>
/// <param name="tasks">One, or several that share a prefix. Every step learns one of them.</param>
/// <param name="trunk">The cached trunk output of all their rows; null if every epoch computes it.</param>
internal sealed class TrainingLoop(
    IReadOnlyList<TrainingTask> tasks, TrainingSettings settings, int padId, Device device, TrunkCache? trunk = null)
{
    private readonly TaskLearner[] _learners = [.. tasks.Select(t => new TaskLearner(t, settings.BatchSize))];
    private readonly Random _order = settings.Random.Random(RandomStream.BatchOrder);
    private readonly List<StepResult>? _results = settings.Checkpoints is null ? null : []; // Of the epoch under way.
    private readonly PlannedRows?[] _validation = new PlannedRows?[tasks.Count]; // Planned once for all epochs.
    private RunningStep? _running;
    private TrainingGuard? _guard;
    private LearningRateTest? _rangeTest;
    private (TrainingRescueReason Reason, string? Divergence)? _alarm; // What is going wrong; for a number that is not finite, which.

    /// <summary>Its name among the trainings of a <c>Fit</c>, by which its checkpoints are found.</summary>
    public string Stage { get; init; } = tasks[0].Name ?? "model";

    /// <summary>Whether the next step starts before the last one is recorded, so that a GPU does not wait for the CPU.</summary>
    public bool Overlaps { get; init; } = device.type != DeviceType.CPU;

    /// <returns>One per task.</returns>
    /// <exception cref="InvalidOperationException">The loss or a weight became NaN or infinite.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; nothing is kept but a checkpoint.</exception>
    public IReadOnlyList<TrainingResult> Run()
    {
        try
        {
            return RunEpochs();
        }
        finally
        {
            _running?.Started.Dispose(); // Training failed or was cancelled.
        }
    }

    private IReadOnlyList<TrainingResult> RunEpochs()
    {
        using var scope = NewDisposeScope();
        if (settings.LearningRate == LearningRates.Auto)
            FindLearningRate();
        using var optimizer = CreateOptimizer();
        using var best = new BestEpoch();
        int[] rows = [.. _learners.Select(l => l.Rows)];
        var clock = new TrainingClock(rows, settings.BatchSize, settings.MaxEpochs)
        {
            Preparation = tasks[0].Before is null && trunk is not null ? trunk.FillTime : TimeSpan.Zero,
        };
        var draw = new TaskDraw(rows, settings.Temperature, settings.Random.Random(RandomStream.TaskDraw));
        if (tasks is [{ Before: { } continued }])
            best.Offer([continued.Best], optimizer);

        var identity = settings.Checkpoints is null ? null : TrainingIdentity.Of(tasks, settings, device);
        using var checkpoints = identity is null ? null : new CheckpointFolder(settings.Checkpoints!, Stage, identity, settings.Log);
        using var guard = _guard = settings.MaxRescues > 0
            ? new TrainingGuard(settings, tasks, clock.Steps, optimizer)
            : null;
        var before = _learners[0].Epochs.Count;
        var isFinished = checkpoints is not null && Continue(checkpoints, optimizer, best, clock, draw);
        while (!isFinished && clock.Step < clock.Steps)
        {
            for (var step = _results?.Count ?? 0; step < clock.StepsAnEpoch; step++)
            {
                if (checkpoints?.IsDueAfterStep(clock.Step) == true)
                    Save(isFinished: false);
                KeepIfCancelled(() =>
                {
                    settings.CheckCancelled();
                    Step(draw.Next(), optimizer, clock);
                });
                GoBackIfWrong(best.Number > 0, clock);
            }
            TakeNote(EndStep(clock), clock);
            GoBackIfWrong(best.Number > 0, clock);
            var isTakenBack = clock.Step == clock.Steps && _guard?.State.Start == clock.Step; // To a state that is no result of this epoch.
            EpochOutcome[] outcomes = [];
            KeepIfCancelled(() => outcomes = EndEpoch(optimizer, clock));
            if (_alarm is null && guard?.WatchEpoch(outcomes, clock.Step) is { } reason)
                _alarm = (reason, null);
            var hasResult = best.Number > 0;
            var isBad = _alarm is not null && BestEpoch.MeanMetric(outcomes) is null; // Without a validation set the last epoch would be the result.
            if (_alarm is not { Reason: TrainingRescueReason.NotFinite } && !(hasResult && (isBad || isTakenBack)))
                best.Offer(outcomes, optimizer);
            GoBackIfWrong(hasResult, clock);
            _results?.Clear();
            var epoch = _learners[0].Epochs.Count - before;
            isFinished = clock.Step == clock.Steps
                || (settings.EarlyStoppingPatience > 0 && epoch - Math.Max(0, best.Number - before) >= settings.EarlyStoppingPatience);
            if (checkpoints is not null && (checkpoints.IsDueAfterEpoch(clock.Step) || isFinished))
                Save(isFinished);
        }
        return Finish(optimizer, best, clock);

        void KeepIfCancelled(Action action)
        {
            try
            {
                action();
            }
            catch (OperationCanceledException) when (checkpoints is not null && clock.Step > 0)
            {
                Save(isFinished: false);
                throw;
            }
        }

        void Save(bool isFinished)
        {
            TakeNote(EndStep(clock), clock);
            if (_alarm is not null)
                return;                                         // Where a training goes wrong, it is taken back first.

            checkpoints.Save(new(
                identity!, settings.Checkpoints!.SessionSeed, isFinished, clock.State, optimizer.State, guard?.State, guard?.Kept ?? [],
                [.. _learners.Select(learner => learner.Steps)], [.. _learners.Select(learner => learner.Epochs)], best.Outcomes, best.Tensors, _results!));
        }
    }

    /// <summary>Goes on where a training was stopped, if there is one.</summary>
    /// <returns>Whether it had finished.</returns>
    private bool Continue(CheckpointFolder checkpoints, PromptOptimizer optimizer, BestEpoch best, TrainingClock clock, TaskDraw draw)
    {
        using var scope = NewDisposeScope();
        if (checkpoints.Read(device) is not { } state)
            return false;

        optimizer.Restore(state.Optimizer);
        if (state.Guard is not null)
            _guard?.Restore(state.Guard, state.GuardTensors);
        best.Restore(state.Best, [.. state.BestTensors]);
        var firstResult = state.Clock.Steps - state.Results.Count;
        for (var step = 0; step < state.Clock.Steps; step++)
        {
            var task = draw.Next();
            var batch = _learners[task].NextBatch(_order);
            if (step >= firstResult && state.Results[step - firstResult] is var result && double.IsFinite(result.Loss))
            {
                var predictions = _learners[task].Count(batch, result);
                if (step >= state.Guard?.WindowStart)
                    _guard?.Watch(task, batch, predictions, result, step + 1, judges: false);
            }
        }
        for (var task = 0; task < _learners.Length; task++)
            _learners[task].Restore(state.Epochs[task], state.Steps[task]);
        _results!.AddRange(state.Results);
        clock.State = state.Clock;
        settings.Log(_learners.Length == 1 ? _learners[0].Subject(WhereItGoesOn()) : WhereItGoesOn());
        return state.IsFinished;

        string WhereItGoesOn() => state.IsFinished
            ? $"The training in '{settings.Checkpoints!.Folder}' had finished; its result is taken."
            : $"The training in '{settings.Checkpoints!.Folder}' goes on after step {state.Clock.Steps} of {clock.Steps}.";
    }

    /// <summary>Sets the learning rate by a range test. Where training is continued, it has been found before.</summary>
    private void FindLearningRate()
    {
        _rangeTest = tasks[0].Before?.Summary.LearningRateTest ?? TestRange();
        settings = settings with { LearningRate = _rangeTest.LearningRate };
    }

    private LearningRateTest TestRange()
    {
        using var optimizer = CreateOptimizer();
        TaskLearner[] learners = [.. tasks.Select(task => new TaskLearner(task, settings.BatchSize))];
        int[] rows = [.. learners.Select(learner => learner.Rows)];
        var random = settings.Random.Random(RandomStream.RangeTest);
        var draw = new TaskDraw(rows, settings.Temperature, random);
        var test = RangeTest.Run(new TrainingClock(rows, settings.BatchSize, settings.MaxEpochs).Steps, settings.UsualLearningRate, rate =>
        {
            settings.CheckCancelled();
            var task = draw.Next();
            return optimizer.Step([.. learners[task].NextBatch(random).Select(example => example.SinglePart())], rate, task).Loss;
        });
        settings.Log(FormattableString.Invariant($"The learning rate is {test.LearningRate:G3}, found by a test of {test.Losses.Count} steps."));
        return test;
    }

    private PromptOptimizer CreateOptimizer()
    {
        using var generator = settings.Random.Generator(RandomStream.InitialValues);
        Initializer weight = shape => Initializers.Normal(generator)(shape).to(device);
        Initializer bias = shape => Initializers.Zero(shape).to(device);

        var encoder = tasks[0].Network.Encoder;
        var method = encoder.Method.Create(encoder.Backbone, new FirstValues(weight, bias, tasks[0].Start, settings.ProjectionSize)
        {
            Words = PromptArrangement.InTurn([.. tasks.Select(task => task.StartWords).OfType<IReadOnlyList<int>>()]),
            Examples = StartRows.InTurn([.. tasks.Select(task => task.StartRows).OfType<IReadOnlyList<EncodedRow>>()]),
            FixedWords = tasks.SelectMany(task => task.FixedWords).ToHashSet(),
        });
        var learned = tasks.Select(task =>
        {
            var first = new FirstValues(weight, bias, task.Start);
            var head = task.Network.Head.Declare(task.Network.Encoder.Backbone);
            return new LearnedTask(
                task.Task, task.Network, head.ToDictionary(t => t.Name, t => first.Of(t.Name, t.IsBias ? bias : weight)(t.Shape)));
        });
        var remote = settings.ShardComputer is { } computer
            ? new RemoteShards(computer, ShardTraining.Of(tasks, settings), settings.CancellationToken)
            : null;
        return new PromptOptimizer(settings, method, [.. learned], padId, device, trunk, remote);
    }

    private void Step(int task, PromptOptimizer optimizer, TrainingClock clock)
    {
        var learner = _learners[task];
        var batch = learner.NextBatch(_order);
        var last = EndStep(clock);
        var learningRate = LearningRateAt(clock.Step, clock);

        clock.StartStep();
        _running = new(task, batch, learningRate, optimizer.Start([.. batch.Select(e => e.SinglePart())], learningRate, task));
        TakeNote(Overlaps ? last : EndStep(clock), clock);
    }

    private double LearningRateAt(int step, TrainingClock clock) =>
        _guard?.LearningRateAt(step, clock.Steps) ?? settings.LearningRateAt(step, clock.Steps);

    /// <summary>Waits for the running step.</summary>
    /// <returns>Null if no step runs.</returns>
    private EndedStep? EndStep(TrainingClock clock)
    {
        if (_running is not { } step)
            return null;

        using var started = step.Started;
        _running = null;
        var result = started.Read();
        clock.EndStep(step.Batch.Length);
        _results?.Add(result);
        CheckFinite(result.Loss, _learners[step.Task], clock);
        return new(step, result);
    }

    private void TakeNote(EndedStep? ended, TrainingClock clock)
    {
        if (ended is not { Step: var step, Result: var result } || !double.IsFinite(result.Loss))
            return;

        var predictions = _learners[step.Task].Count(step.Batch, result);
        if (_alarm is null && _guard?.Watch(step.Task, step.Batch, predictions, result, clock.Step) is { } reason)
            _alarm = (reason, null);
        settings.Progress?.Report(_learners[step.Task].Report(result, step.LearningRate, settings.MaxEpochs, clock, _guard?.Rescues.Count ?? 0));
    }

    /// <summary>Takes the training back to its best state if something is going wrong, and if it may.</summary>
    /// <param name="hasResult">Whether an epoch before has ended well.</param>
    /// <exception cref="InvalidOperationException">A number is not finite, and nothing can be gone back to.</exception>
    private void GoBackIfWrong(bool hasResult, TrainingClock clock)
    {
        if (_alarm is not var (reason, divergence))
            return;

        _alarm = null;
        if (EndStep(clock) is not null && _results is not null)                // A step from the weights that are given up. It does not count.
            _results[^1] = new(double.NaN, []);
        _alarm = null;
        var epoch = _learners[0].Epochs.Count + 1;
        if (_guard!.TryRescue(reason, clock.Step, clock.Steps, epoch, hasResult))
        {
            settings.Log($"Training was going wrong at step {clock.Step} of {clock.Steps} (epoch {epoch}): {TrainingGuard.Describe(reason)}. "
                + (clock.Step == clock.Steps ? "Its best epoch is the result."
                    : "It is taken back to its best state, and goes on with a learning rate of "
                        + FormattableString.Invariant($"{_guard.Rescues[^1].LearningRate:G3}.")));
        }
        else if (divergence is not null)
            throw Divergence(divergence, epoch, clock);
    }

    private EpochOutcome[] EndEpoch(PromptOptimizer optimizer, TrainingClock clock)
    {
        EpochOutcome[] outcomes = [.. _learners.Select(learner => learner.EndEpoch(LearningRateAt(clock.Step - 1, clock)))];
        if (!optimizer.IsFinite()) // Without validation, the loss only covers the weights before the last step.
            RaiseDivergence("A weight became NaN or infinite", outcomes[0].Summary.Epoch, clock);
        for (var task = 0; task < outcomes.Length; task++)
            if (_learners[task].Validation is { } validation)
                outcomes[task] = Validate(task, validation.Examples, optimizer, outcomes[task].Summary, clock);
        for (var task = 0; task < outcomes.Length; task++)
            settings.Log(_learners[task].Add(outcomes[task].Summary, settings.MaxEpochs));
        return outcomes;
    }

    private EpochOutcome Validate(int task, IReadOnlyList<Example> examples, PromptOptimizer optimizer, EpochSummary trained, TrainingClock clock)
    {
        settings.CheckCancelled();
        var learned = tasks[task];
        using var tensors = optimizer.Current(task);
        var predictor = new Predictor(learned.Network, padId, device, trunk);
        var rows = _validation[task] ??= predictor.PlanEvaluation(examples);
        var (predictions, loss) = predictor.Evaluate(rows, tensors, learned.Task.ForScoring, settings.CheckCancelled);
        CheckFinite(loss, _learners[task], clock);
        var summary = new EpochSummary
        {
            Epoch = trained.Epoch,
            Loss = trained.Loss,
            Metric = trained.Metric,
            ValidationLoss = loss,
            ValidationMetric = learned.Task.Measure(predictions, examples),
            LearningRate = trained.LearningRate,
            MetricName = trained.MetricName,
        };
        return new EpochOutcome(summary, _learners[task].FindCollapse(predictions, examples));
    }

    private void CheckFinite(double loss, TaskLearner learner, TrainingClock clock)
    {
        if (!double.IsFinite(loss))
            RaiseDivergence(learner.Subject(FormattableString.Invariant($"The loss became {loss}")), learner.Epochs.Count + 1, clock);
    }

    private void RaiseDivergence(string what, int epoch, TrainingClock clock)
    {
        if (clock.Step <= 1 && tasks[0].Network.Encoder.Backbone.ElementType != ScalarType.Float16
            && tasks[0].Network.Encoder.Backbone.Tensors.FindNotFinite() is { } tensor)
            throw new InvalidOperationException(
                $"{what} at step {clock.Step} of {clock.Steps}: the encoder's tensor '{tensor}' has numbers that are NaN or infinite. "
                + "No learning rate helps. Download the encoder again, or name another one (Backbone).");
        if (_guard is null)
            throw Divergence(what, epoch, clock);
        _alarm = (TrainingRescueReason.NotFinite, _alarm?.Divergence ?? what);
    }

    private InvalidOperationException Divergence(string what, int epoch, TrainingClock clock) => new(
        FormattableString.Invariant($"{what} at step {clock.Step} of {clock.Steps} (epoch {epoch}). The learning rate of {settings.LearningRate} ")
        + "is too high for this data: try a tenth of it, or a warm-up (WarmupRatio = 0.1)."
        + (_guard?.Rescues.Count > 0 ? $" Half of it was tried, {_guard.Rescues.Count} times in a row." : "")
        + (tasks[0].Network.Encoder.Backbone.ElementType == ScalarType.Float16
            ? " Or the encoder computes numbers beyond the range of Float16: set Precision to BFloat16 or Float32."
            : ""));

    private IReadOnlyList<TrainingResult> Finish(PromptOptimizer optimizer, BestEpoch best, TrainingClock clock)
    {
        TrainingResult[] results = [.. _learners.Select((learner, task) => new TrainingResult(
            best.Tensors[task],
            learner.Summarise(
                best.Outcomes[task], optimizer.CountParameters(task), best.Tensors[task].Bytes, settings, clock, _guard?.Rescues ?? [], _rangeTest),
            best.Outcomes[task]))];
        best.Take();
        return results;
    }

    /// <summary>A step and what it learns from.</summary>
    private sealed record RunningStep(int Task, Example[] Batch, double LearningRate, StartedStep Started);

    private sealed record EndedStep(RunningStep Step, StepResult Result);
}
