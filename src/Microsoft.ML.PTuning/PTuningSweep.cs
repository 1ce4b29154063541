using System.Linq.Expressions;
using System.Numerics;
using System.Reflection;
using Microsoft.ML.PTuning.Sweeps;
using Microsoft.ML.PTuning.Training;

namespace Microsoft.ML.PTuning;

/// <summary>Tries values of options on your rows: trains with each, measures on validation rows, and returns the best.</summary>
/// <remarks>
/// <para>
/// The trials run one after another, each on all cores. A model is disposed when it is measured: train the final one with the options of
/// <see cref="PTuningSweepResult{TOptions}.Best"/>, on all rows if you like. A trial that fails, because it diverges for example, is out.
/// </para>
/// <para>
/// Successive halving (Jamieson and Talwalkar 2016) spends most of the time on the promising candidates. Each round trains anew, because the
/// learning rate falls to 0 over the epochs of a training; it shortens the epochs and not the rows, so that every round sees all classes.
/// </para>
/// <para>
/// The trials of <c>Run</c> share the encoder. Trials in a row share the tokens of the training rows, which are read anew after an option of the task has
/// changed, such as <c>MaxLength</c>; and the cached output of the layers below the lowest tuned one, if that is the same.
/// </para>
/// </remarks>
/// <typeparam name="TOptions">The options of the task, such as <see cref="PTuningV2Trainer.MulticlassOptions"/>.</typeparam>
/// <example>
/// Label: a key; Text: text.
/// <code>
/// var sweep = new PTuningSweep&lt;PTuningV2Trainer.MulticlassOptions&gt;(
///     mlContext,
///     new() { Sentence1ColumnName = "Text" },
///     scored => mlContext.MulticlassClassification.Evaluate(scored).MacroAccuracy)
/// {
///     Trials = 12,
///     ResultsFile = "tickets.trials.jsonl",
/// };
/// var result = sweep.Vary(options => options.LearningRate).Vary(options => options.PrefixLength, 10, 20, 40).Run(tickets);
/// Console.WriteLine(result.Best);
/// using var model = mlContext.MulticlassClassification.Trainers.PTuningV2(result.Best.Options).Fit(tickets);
/// </code>
/// </example>
public sealed class PTuningSweep<TOptions>
    where TOptions : PTuningV2Trainer.Options
{
    // The usual factor of the literature.
    private const int HalvingFactor = 3;

    private const string AnotherSweep = "It is a point of another sweep: make both from the same code, options and seed.";

    private readonly MLContext _mlContext;
    private readonly TOptions _options;
    private readonly Func<IDataView, double> _metric;
    private readonly List<SearchAxis> _axes = [];

    /// <summary>Creates a sweep.</summary>
    /// <param name="options">What all trials share; it is copied. Set <see cref="TrainingOptions.Seed"/> so that trials can be repeated.</param>
    /// <param name="metric">Measures the scored validation rows: any metric of ML.NET or your own. More is better, unless you say otherwise.</param>
    /// <example>
    /// <code>
    /// var sweep = new PTuningSweep&lt;PTuningV2Trainer.RegressionOptions&gt;(
    ///     mlContext,
    ///     new() { LabelColumnName = "Hours", Sentence1ColumnName = "Text", Seed = 1 },
    ///     scored => mlContext.Regression.Evaluate(scored, labelColumnName: "Hours").MeanAbsoluteError) { IsLowerBetter = true };
    /// </code>
    /// </example>
    public PTuningSweep(MLContext mlContext, TOptions options, Func<IDataView, double> metric)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(metric);
        (_mlContext, _options, _metric) = (mlContext, (TOptions)options.Copy(), metric);
    }

    /// <summary>
    /// How a trial is trained on its rows; null for <see cref="PTuningV2Trainer"/> with the trial's options. Another trainer takes what it needs of
    /// them: <see cref="PatternExploitingTrainer"/> for the models of its patterns, <see cref="PTuningV2MultiTaskTrainer"/> for one of its tasks. The
    /// model must score the validation rows; it is disposed then.
    /// </summary>
    public Func<TOptions, IDataView, ITransformer>? Fit { get; set; }

    /// <summary>How to choose what to try.</summary>
    public PTuningSweepSearch Search { get; set; }

    /// <summary>Candidates that are drawn at random, in successive halving those of the first round; a grid has as many as it has combinations.</summary>
    public int Trials { get; set; } = 16;

    /// <summary>How many values of a range a grid tries.</summary>
    public int GridSteps { get; set; } = 4;

    /// <summary>Whether less of the metric is better.</summary>
    public bool IsLowerBetter { get; set; }

    /// <summary>The share of the training rows that is held out to measure, if you give no validation rows.</summary>
    public double ValidationFraction { get; set; } = 0.2;

    /// <summary>Seed of the candidates and of the rows held out. Training has <see cref="TrainingOptions.Seed"/>.</summary>
    public int Seed { get; set; } = 1;

    /// <summary>
    /// A file to which each trial is appended as a line of JSON; null for none. A sweep that was stopped or killed goes on where it was: trials with the
    /// same options are not run again. The file does not know the rows and the metric, so use a file for each.
    /// </summary>
    public string? ResultsFile { get; set; }

    /// <summary>Is told of every trial, on the calling thread unless it is a <see cref="Progress{T}"/>.</summary>
    public IProgress<PTuningSweepProgress<TOptions>>? Progress { get; set; }

    /// <summary>Cancels the sweep, also in the middle of a training; <c>Run</c> then throws <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken CancellationToken { get; set; }

    /// <summary>Varies an option: the values given, or those of the search space that the option carries.</summary>
    /// <param name="option">A property of the options: <c>options => options.LearningRate</c>.</param>
    /// <param name="values">None for the search space of the option.</param>
    /// <returns>This sweep.</returns>
    /// <exception cref="ArgumentException">It is no property, it is varied already, or it carries no search space.</exception>
    /// <example>
    /// <code>
    /// sweep.Vary(options => options.LearningRate);              // 1e-4 to 6e-2, logarithmic: what the option carries.
    /// sweep.Vary(options => options.Pooling, Pooling.Mean, Pooling.Trained);
    /// </code>
    /// </example>
    public PTuningSweep<TOptions> Vary<TValue>(Expression<Func<TOptions, TValue>> option, params TValue[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var property = Property(option);
        if (values.Length > 0)
            return Add(new ValuesAxis(property, [.. values.Distinct().Cast<object>()]));

        return Add(SearchAxis.Of(property) ?? throw new ArgumentException(
            $"{property.Name} carries no search space. Give its values: Vary(options => options.{property.Name}, …).", nameof(option)));
    }

    /// <summary>Varies a number between two bounds, which belong to the range.</summary>
    /// <param name="option">A property of the options, an int or a double.</param>
    /// <param name="logarithmic">Whether to spread the logarithms evenly, as is right for learning rates.</param>
    /// <returns>This sweep.</returns>
    /// <inheritdoc cref="Vary" path="/exception"/>
    /// <exception cref="ArgumentOutOfRangeException">The bounds are no range, or a logarithmic one is not above 0.</exception>
    /// <example>
    /// <code>
    /// sweep.VaryRange(options => options.LearningRate, 3e-3, 3e-2, logarithmic: true);
    /// sweep.VaryRange(options => options.PrefixLength, 5, 50);
    /// </code>
    /// </example>
    public PTuningSweep<TOptions> VaryRange<TValue>(Expression<Func<TOptions, TValue>> option, TValue least, TValue most, bool logarithmic = false)
        where TValue : INumber<TValue>
    {
        var property = Property(option);
        var range = new RangeAxis(property, double.CreateChecked(least), double.CreateChecked(most), logarithmic);
        if (!(range.Least < range.Most && double.IsFinite(range.Most - range.Least)))
            throw new ArgumentOutOfRangeException(nameof(most), most, $"The range of {property.Name} must have a bound above {least}.");
        if (logarithmic && range.Least <= 0)
            throw new ArgumentOutOfRangeException(nameof(least), least, $"A logarithmic range of {property.Name} must begin above 0.");
        return Add(range);
    }

    /// <summary>Runs the sweep, and measures on a share of <paramref name="training"/> that is held out.</summary>
    /// <returns>The trials and the best of them.</returns>
    /// <exception cref="ArgumentException">A candidate has an option out of its range, or options that do not go together. Nothing was trained.</exception>
    /// <exception cref="InvalidOperationException">Nothing is varied, or all trials failed.</exception>
    /// <exception cref="FormatException">The results file has a line that is no trial.</exception>
    /// <exception cref="IOException">The results file cannot be written, or another process appends to it.</exception>
    /// <exception cref="OperationCanceledException">The sweep was cancelled. What is finished is in the results file.</exception>
    /// <example>
    /// <code>
    /// sweep.Progress = new Progress&lt;PTuningSweepProgress&lt;PTuningV2Trainer.MulticlassOptions&gt;&gt;(
    ///     progress => Console.WriteLine($"{progress.Done} of {progress.Total}: {progress.Trial}; {progress.TimeLeft} left"));
    /// var result = sweep.Run(tickets);
    /// </code>
    /// </example>
    public PTuningSweepResult<TOptions> Run(IDataView training)
    {
        ArgumentNullException.ThrowIfNull(training);
        var (learned, held) = Split(training);
        return Run(learned, held);
    }

    /// <summary>Runs the sweep, and measures on <paramref name="validation"/>.</summary>
    /// <param name="training">The rows that every trial learns.</param>
    /// <param name="validation">Other rows, with the same columns. Training does not see them.</param>
    /// <returns>The trials and the best of them.</returns>
    /// <inheritdoc cref="Run(IDataView)" path="/exception"/>
    /// <example>
    /// <code>
    /// sweep.Search = PTuningSweepSearch.SuccessiveHalving;
    /// var result = sweep.Run(split.TrainSet, split.TestSet);
    /// </code>
    /// </example>
    public PTuningSweepResult<TOptions> Run(IDataView training, IDataView validation)
    {
        ArgumentNullException.ThrowIfNull(training);
        ArgumentNullException.ThrowIfNull(validation);
        using var shared = new SharedRows();
        return SearchAsync((trial, _, cancellationToken) => Task.FromResult(Measure(trial, training, validation, shared, cancellationToken)), parallelTrials: 1)
            .GetAwaiter().GetResult();
    }

    /// <summary>Runs the sweep, and has its trials measured elsewhere: by other processes or machines, several at a time.</summary>
    /// <remarks>
    /// The result is the one of <see cref="Run(IDataView)"/>, whichever trial ends first. <see cref="ResultsFile"/> is written here.
    /// </remarks>
    /// <param name="measure">
    /// Has a point measured, by <see cref="Measure(PTuningSweepPoint, IDataView, IDataView?, CancellationToken)"/> of the same sweep. An
    /// <see cref="InvalidOperationException"/> or <see cref="ArgumentException"/> is a trial that failed; any other exception ends the sweep.
    /// </param>
    /// <param name="parallelTrials">How many points are measured at a time.</param>
    /// <returns>The trials and the best of them.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="parallelTrials"/> is less than 1.</exception>
    /// <inheritdoc cref="Run(IDataView)" path="/exception"/>
    /// <example>
    /// <code>
    /// var result = await sweep.RunAsync((point, cancellation) => Task.Run(() => sweep.Measure(point, tickets), cancellation), parallelTrials: 2);
    /// </code>
    /// </example>
    public Task<PTuningSweepResult<TOptions>> RunAsync(Func<PTuningSweepPoint, CancellationToken, Task<double>> measure, int parallelTrials)
    {
        ArgumentNullException.ThrowIfNull(measure);
        OptionRange.AtLeast(parallelTrials, 1);
        return SearchAsync((_, point, cancellationToken) => measure(point, cancellationToken), parallelTrials);
    }

    /// <summary>Trains with the options of a point, and measures.</summary>
    /// <param name="point">What <see cref="RunAsync"/> of the same sweep, here or in another process, has asked for.</param>
    /// <param name="training">The rows that every trial learns.</param>
    /// <param name="validation">Other rows, with the same columns; null to hold out a share of the training rows, as <see cref="Run(IDataView)"/> does.</param>
    /// <returns>The metric.</returns>
    /// <exception cref="InvalidDataException">The point is one of another sweep.</exception>
    /// <exception cref="InvalidOperationException">The training failed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <example>
    /// <code>
    /// double metric = sweep.Measure(point, tickets);
    /// </code>
    /// </example>
    public double Measure(PTuningSweepPoint point, IDataView training, IDataView? validation = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(point);
        ArgumentNullException.ThrowIfNull(training);
        var candidates = Candidates();
        var trial = point.Candidate >= 0 && point.Candidate < candidates.Count
            ? TrialSearch<TOptions>.With(_options, _axes, candidates[point.Candidate], point.Epochs)
            : throw new InvalidDataException($"Expected one of {candidates.Count} candidates, found number {point.Candidate}. {AnotherSweep}");
        var own = OptionsRecord.Of(trial).ToJsonString();
        if (own != point.Options)
            throw new InvalidDataException($"Expected candidate {point.Candidate} to have the options {own}, found {point.Options}. {AnotherSweep}");
        if (validation is null)
            (training, validation) = Split(training);
        return Measure(trial, training, validation, shared: null, cancellationToken);
    }

    private async Task<PTuningSweepResult<TOptions>> SearchAsync(TrialMeasure<TOptions> measure, int parallelTrials)
    {
        OptionRange.Defined(Search);
        if (_axes.Count == 0)
            throw new InvalidOperationException("The sweep varies no option. Name one at least: Vary(options => options.LearningRate).");

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(CancellationToken, _options.CancellationToken);
        using var file = new TrialFile(ResultsFile);
        var search = new TrialSearch<TOptions>(_options, _axes, measure, file)
        {
            IsLowerBetter = IsLowerBetter,
            Progress = Progress,
            Parallel = parallelTrials,
            CancellationToken = stop.Token,
        };
        var candidates = Candidates();
        return await search.RunAsync(candidates, Rounds(candidates.Count)).ConfigureAwait(false);
    }

    private static PropertyInfo Property<TValue>(Expression<Func<TOptions, TValue>> option)
    {
        ArgumentNullException.ThrowIfNull(option);
        if (option.Body is MemberExpression { Member: PropertyInfo { SetMethod.IsPublic: true } property, Expression: ParameterExpression })
            return property;

        throw new ArgumentException($"Expected a property of the options, such as options => options.LearningRate; found {option}.", nameof(option));
    }

    private (IDataView Training, IDataView Validation) Split(IDataView rows)
    {
        if (!(ValidationFraction is > 0 and < 1))
            throw new InvalidOperationException($"{nameof(ValidationFraction)} must be above 0 and below 1, but is {ValidationFraction}.");
        var split = _mlContext.Data.TrainTestSplit(rows, ValidationFraction, seed: Seed);
        return (split.TrainSet, split.TestSet);
    }

    private PTuningSweep<TOptions> Add(SearchAxis axis)
    {
        if (_axes.Any(other => other.Name == axis.Name))
            throw new ArgumentException($"{axis.Name} is varied already. Give all its values at once.", nameof(axis));
        _axes.Add(axis);
        return this;
    }

    private IReadOnlyList<object[]> Candidates()
    {
        OptionRange.AtLeast(GridSteps, 1);
        OptionRange.AtLeast(Trials, 1);
        return Search == PTuningSweepSearch.Grid ? Sweeps.Candidates.Grid(_axes, GridSteps) : Sweeps.Candidates.Random(_axes, Trials, Seed);
    }

    private IReadOnlyList<HalvingRound>? Rounds(int candidates)
    {
        if (Search != PTuningSweepSearch.SuccessiveHalving)
            return null;
        if (_options.MaxEpochs < 1)
            throw new InvalidOperationException("Successive halving shortens the epochs. Set MaxEpochs to those of the last round, 9 for example.");
        if (_axes.Any(axis => axis.Name == nameof(_options.MaxEpochs)))
            throw new InvalidOperationException("Successive halving sets MaxEpochs itself. Do not vary it, or use another search.");
        return HalvingRound.Plan(candidates, _options.MaxEpochs, HalvingFactor);
    }

    private double Measure(TOptions trial, IDataView training, IDataView validation, SharedRows? shared, CancellationToken cancellationToken)
    {
        var options = trial.Copy(); // The trial's own options outlive this sweep's token.
        options.CancellationToken = cancellationToken;
        options.CheckpointDirectory = null; // A trial that was stopped begins again: the sweep's own file keeps those that ended.
        var model = Fit is { } fit ? fit((TOptions)options, training) : new PTuningV2Trainer(_mlContext, options) { Shared = shared }.Fit(training);
        using (model as IDisposable)
            return _metric(model.Transform(validation));
    }
}
