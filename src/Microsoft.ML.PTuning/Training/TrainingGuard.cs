using Microsoft.ML.PTuning.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training;

/// <summary>
/// Watches a training for collapse. One that goes wrong is taken back to its best state, and goes on with half the learning rate and a schedule that
/// begins anew.
/// </summary>
/// <remarks>
/// Steps are judged in windows, so that a single batch decides nothing. The first window after a start is judged mildly, because an untrained model is
/// no better than a collapsed one. All decisions follow from the steps' numbers, so a training that was stopped decides as it would have.
/// </remarks>
internal sealed class TrainingGuard : IDisposable
{
    /// <summary>A window's share of all steps, and its limits in steps.</summary>
    private const int WindowsPerTraining = 12, LeastWindow = 8, LargestWindow = 50;

    /// <summary>Windows in a row that look wrong: so many, or one more where nothing has been learned but the predictions differ.</summary>
    private const int Strikes = 2;

    /// <summary>
    /// Losses as multiples of that of guessing: something has been learned; nothing; nothing, by steps that are too large; less than nothing. Steps
    /// that are too small keep it within a hundredth of 1.
    /// </summary>
    private const double Learned = 0.97, AsGuessing = 0.99, Unsteady = 1.02, AboveGuessing = 1.1;

    /// <summary>A loss as a multiple of that of guessing or of the untrained model, whichever is larger: one window is enough.</summary>
    private const double FarAbove = 3;

    /// <summary>A loss that has fallen less, as a multiple of the lowest window before.</summary>
    private const double NoProgress = 0.98;

    /// <summary>The share of a window's batches with one prediction for all rows.</summary>
    private const double MostBatches = 0.8;

    private const double Explosion = 1000;

    private readonly int _most;
    private readonly TrainingSettings _settings;
    private readonly PromptOptimizer _optimizer;
    private readonly double?[] _guessing;
    private readonly double _guessedMetric; // On the validation sets.
    private readonly IReadOnlyList<PromptTask> _tasks;
    private readonly int _windowSteps;
    private readonly Window[] _windows;
    private Tensor[] _parameters = [];
    private IReadOnlyList<int> _search = [];

    /// <param name="steps">Planned steps.</param>
    public TrainingGuard(TrainingSettings settings, IReadOnlyList<TrainingTask> tasks, int steps, PromptOptimizer optimizer)
    {
        (_settings, _most, _optimizer) = (settings, settings.MaxRescues, optimizer);
        _tasks = [.. tasks.Select(task => task.Task)];
        _guessing = [.. tasks.Select(task => task.Task.GuessingLoss(task.Training.Examples))];
        _guessedMetric = tasks.Average(task => task.Validation is { } rows ? task.Task.Baseline(rows.Examples) : null as double?) ?? 0;
        _windowSteps = Math.Clamp(steps / WindowsPerTraining, LeastWindow, LargestWindow);
        _windows = [.. tasks.Select(_ => new Window())];
        Keep();
    }

    /// <summary>What has been taken back so far.</summary>
    public IReadOnlyList<TrainingRescue> Rescues => State.Rescues;

    /// <summary>Where it stands. Setting it goes on from there; the windows are filled by <see cref="Watch"/>.</summary>
    public GuardState State { get; private set; } = new(0, 0, [], [], [], [], [], [], null, double.PositiveInfinity);

    private double HighestRate => _settings.LearningRate * Math.Pow(0.5, Rescues.Count);

    /// <summary>What is going wrong, for people.</summary>
    public static string Describe(TrainingRescueReason reason) => reason switch
    {
        TrainingRescueReason.NotFinite => "a number became NaN or infinite",
        TrainingRescueReason.OnePrediction => "the predictions are the same for every row",
        TrainingRescueReason.NothingLearned => "the loss stays at that of guessing",
        TrainingRescueReason.AboveGuessing => "the loss is above that of guessing",
        TrainingRescueReason.ExplodingGradients => "the gradients explode",
        _ => "the metric on the validation set falls apart",
    };

    /// <inheritdoc cref="TrainingSettings.LearningRateAt"/>
    public double LearningRateAt(int step, int steps) =>
        _settings.LearningRateAt(Math.Max(0, step - State.Start), steps - State.Start) * Math.Pow(0.5, Rescues.Count);

    /// <summary>Notes a step.</summary>
    /// <param name="step">Steps done, this one included.</param>
    /// <param name="judges">False to fill the windows again after a stop.</param>
    /// <returns>What is going wrong; null if nothing is.</returns>
    public TrainingRescueReason? Watch(
        int task, IReadOnlyList<Example> batch, IReadOnlyList<Prediction> predictions, StepResult result, int step, bool judges = true)
    {
        _windows[task].Add(_tasks[task].FindCollapse(predictions, batch) is not null, result.Loss);
        if (!judges || Rescues.Count >= _most)
            return null;

        if (State.Untrained.Count == 0)
            State = State with { Untrained = [.. _windows.Select(_ => double.NaN)] };
        if (double.IsNaN(State.Untrained[task]))
            State = State with { Untrained = [.. State.Untrained.Select((loss, i) => i == task ? result.Loss : loss)] };
        if (IsExplosion(result.GradientNorm))
            return TrainingRescueReason.ExplodingGradients;
        return step - State.WindowStart < _windowSteps ? null : EndWindow(step);
    }

    /// <summary>Notes the end of an epoch. The best one is what a rescue goes back to.</summary>
    /// <inheritdoc cref="Watch"/>
    public TrainingRescueReason? WatchEpoch(IReadOnlyList<EpochOutcome> outcomes, int step)
    {
        var reason = 2 * (step - State.WindowStart) >= _windowSteps ? EndWindow(step) : null;
        ClearWindows(step);
        if (Rescues.Count >= _most)
            return null;

        var (metric, loss) = (BestEpoch.MeanMetric(outcomes), outcomes.Average(o => o.Summary.ValidationLoss ?? o.Summary.Loss));
        if (reason is not null)
            return reason;
        if (metric is not null && State.BestMetric is { } best && loss > 1.5 * State.BestLoss && metric < (best + _guessedMetric) / 2)
            return TrainingRescueReason.ValidationFellApart;

        var isLearned = outcomes.Zip(_guessing).All(pair => !(pair.First.Summary.Loss > Learned * pair.Second));
        if (isLearned && (metric is null ? loss < State.BestLoss : !(metric <= State.BestMetric)))
        {
            Keep();
            State = State with { BestMetric = metric, BestLoss = loss };
        }
        return null;
    }

    /// <summary>Takes the training back.</summary>
    /// <param name="step">Steps done.</param>
    /// <param name="epoch">The epoch under way.</param>
    /// <param name="hasResult">Whether an epoch has ended well, which is the result if no step is left.</param>
    /// <returns>False if it has been taken back as often as allowed, or if nothing would be gained.</returns>
    public bool TryRescue(TrainingRescueReason reason, int step, int steps, int epoch, bool hasResult = false)
    {
        if (Rescues.Count >= _most || (step >= steps && !hasResult))
            return false;

        _optimizer.Reset(_parameters, _search);
        State = State with
        {
            Start = step,
            Strikes = [],
            Losses = [],
            Norms = [],
            Rescues = [.. Rescues, new TrainingRescue { Reason = reason, Epoch = epoch, Step = step, LearningRate = HighestRate / 2 }],
        };
        ClearWindows(step);
        return true;
    }

    /// <summary>The parameters that a rescue goes back to.</summary>
    public IReadOnlyList<Tensor> Kept => _parameters;

    /// <summary>Goes on from a state of a guard like this one.</summary>
    /// <param name="kept">As <see cref="Kept"/>.</param>
    public void Restore(GuardState state, IReadOnlyList<Tensor> kept)
    {
        using var frozen = no_grad();
        State = state;
        _search = state.Search;
        foreach (var (own, saved) in _parameters.Zip(kept))
            own.copy_(saved);
    }

    public void Dispose()
    {
        foreach (var tensor in _parameters)
            tensor.Dispose();
    }

    private void Keep()
    {
        Dispose();
        (_parameters, _search) = (_optimizer.CopyParameters(), _optimizer.Search);
        State = State with { Search = _search };
    }

    private bool IsExplosion(double? norm)
    {
        if (norm is not { } size)
            return false;

        var norms = State.Norms;
        if (norms.Count < LeastWindow)
        {
            State = State with { Norms = [.. norms, size] };
            return false;
        }
        return size > Explosion * norms.Order().ElementAt(norms.Count / 2);
    }

    private TrainingRescueReason? EndWindow(int step)
    {
        TrainingRescueReason? worst = null;
        double[] losses = State.Losses.Count > 0 ? [.. State.Losses] : [.. _windows.Select(_ => double.NaN)];
        int[] strikes = State.Strikes.Count > 0 ? [.. State.Strikes] : new int[_windows.Length];
        for (var task = 0; task < _windows.Length; task++)
        {
            if (_windows[task].Batches == 0 || _guessing[task] is not { } guessing)
                continue;

            var loss = _windows[task].MeanLoss;
            var before = losses[task];
            losses[task] = before < loss ? before : loss;
            var untrained = Math.Max(guessing, State.Untrained[task]);
            var fault = double.IsNaN(before) ? null : Judge(task, loss, before, guessing, untrained);
            strikes[task] = fault is null ? 0 : strikes[task] + 1;
            if (loss >= FarAbove * untrained)
                worst ??= TrainingRescueReason.AboveGuessing;
            else if (strikes[task] >= (fault == TrainingRescueReason.NothingLearned ? Strikes + 1 : Strikes))
                worst ??= fault;
        }
        State = State with { Losses = losses, Strikes = strikes };
        ClearWindows(step);
        return worst;
    }

    private TrainingRescueReason? Judge(int task, double loss, double before, double guessing, double untrained)
    {
        var falls = loss < NoProgress * before;
        if (loss >= AboveGuessing * guessing && (loss >= AboveGuessing * untrained || !falls))
            return TrainingRescueReason.AboveGuessing;
        if (loss >= AsGuessing * guessing && _windows[task].ShareOfOnePrediction >= MostBatches)
            return TrainingRescueReason.OnePrediction;
        return loss >= Unsteady * guessing && !falls ? TrainingRescueReason.NothingLearned : null;
    }

    private void ClearWindows(int step)
    {
        foreach (var window in _windows)
            window.Clear();
        State = State with { WindowStart = step };
    }

    /// <summary>The last steps on a task.</summary>
    private sealed class Window
    {
        private double _loss;
        private int _ofOnePrediction;

        public int Batches { get; private set; }

        public double MeanLoss => _loss / Batches;

        public double ShareOfOnePrediction => (double)_ofOnePrediction / Batches;

        public void Add(bool hasOnePrediction, double loss)
        {
            _loss += loss;
            _ofOnePrediction += hasOnePrediction ? 1 : 0;
            Batches++;
        }

        public void Clear() => (_loss, _ofOnePrediction, Batches) = (0, 0, 0);
    }
}

/// <summary>Where a guard stands.</summary>
/// <param name="Start">The step from which the schedule counts: the last rescue.</param>
/// <param name="WindowStart">The step at which the present window began.</param>
/// <param name="Untrained">The loss of the first batch, for each task; NaN before it.</param>
/// <param name="Losses">Of the lowest window since <paramref name="Start"/>, for each task; NaN before the first.</param>
/// <param name="Strikes">How many windows in a row looked wrong, for each task.</param>
/// <param name="Norms">Of the first gradients.</param>
/// <param name="Rescues">What has been taken back.</param>
/// <param name="Search">The search for words at the best state; empty where nothing is searched for.</param>
/// <param name="BestMetric">The best state's metric on the validation sets; null without any.</param>
/// <param name="BestLoss">The best state's loss.</param>
internal sealed record GuardState(
    int Start, int WindowStart, IReadOnlyList<double> Untrained, IReadOnlyList<double> Losses, IReadOnlyList<int> Strikes, IReadOnlyList<double> Norms,
    IReadOnlyList<TrainingRescue> Rescues, IReadOnlyList<int> Search, double? BestMetric, double BestLoss);
