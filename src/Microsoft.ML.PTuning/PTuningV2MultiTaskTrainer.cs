using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Training;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.PTuning;

/// <summary>Trains several text tasks on one shared prefix, each with a head of its own, so that tasks with few rows learn from the others.</summary>
/// <remarks>
/// <para>
/// Liu et al. 2022, section 4 (MPT-2): every step learns a batch of one task; then each task may go on alone from the shared prefix
/// (<see cref="Options.ContinuationEpochs"/>). The tasks may be of any kind. One trainer may be fitted on several threads at once.
/// </para>
/// <para>Each task gets an ordinary model, which predicts, is saved and is disposed like any other.</para>
/// </remarks>
public sealed partial class PTuningV2MultiTaskTrainer
{
    private readonly MLContext _mlContext;
    private readonly IHost _host;
    private readonly Options _options;
    private readonly JobLimit? _limit;

    /// <summary>Creates a trainer of several tasks.</summary>
    /// <param name="mlContext">Gives the seed, the device and cancellation.</param>
    /// <param name="options">How to train; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <inheritdoc cref="Options" path="/example"/>
    public PTuningV2MultiTaskTrainer(MLContext mlContext, Options? options = null)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        options ??= new Options();
        options.Check();
        (_mlContext, _host) = (mlContext, ((IHostEnvironment)mlContext).Register(nameof(PTuningV2MultiTaskTrainer)));
        _options = options.Copy(); // What the caller changes later was not checked.
        _limit = JobLimit.Of(mlContext);
    }

    /// <summary>Trains all tasks together.</summary>
    /// <param name="tasks">The tasks by name. Results, log and messages use the names. The order does not matter.</param>
    /// <returns>A model per task, by name; dispose each to free its memory.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidOperationException">
    /// There is no task, a task does not fit the shared encoder and prefix, nothing can be learned from its rows, or training diverged.
    /// </exception>
    /// <exception cref="OperationCanceledException">Training was cancelled.</exception>
    /// <exception cref="DirectoryNotFoundException">The encoder is not on this machine.</exception>
    /// <example>
    /// <code>
    /// var trainer = new PTuningV2MultiTaskTrainer(mlContext);
    /// var models = trainer.Fit(new Dictionary&lt;string, PTuningV2MultiTaskData&gt;
    /// {
    ///     ["queue"] = new(new PTuningV2Trainer.MulticlassOptions { Sentence1ColumnName = "Text" }, keyedTickets), // Label: a key.
    ///     ["urgent"] = new(new PTuningV2Trainer.BinaryOptions { Sentence1ColumnName = "Text" }, urgentTickets),   // Label: Boolean.
    /// });
    /// models["urgent"].SaveTo("urgent.zip");
    /// </code>
    /// </example>
    public IReadOnlyDictionary<string, PTuningV2Transformer> Fit(IReadOnlyDictionary<string, PTuningV2MultiTaskData> tasks)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        KeyValuePair<string, PTuningV2MultiTaskData>[] named = [.. tasks.OrderBy(task => task.Key, StringComparer.Ordinal)]; // The same bits in any order.
        Check(named);

        using var session = new TrainingSession(_host, _options);
        var backbones = new List<OpenBackbone>();
        try
        {
            foreach (var (_, data) in named)
                backbones.Add(session.LeaseBackbone(data.Task));
            TrainingTask[] prepared = [.. named.Zip(backbones, (task, backbone) => Prepare(task.Key, task.Value, backbone, session))];
            var results = SingleCoreThread.Run("P-Tuning training", () => Learn(prepared, backbones[0].Lease.Tokenizer.PadId, session));
            return ToModels(prepared, results, backbones, session);
        }
        catch
        {
            foreach (var backbone in backbones)
                backbone.Lease.Dispose();
            throw;
        }
    }

    private void Check(IReadOnlyList<KeyValuePair<string, PTuningV2MultiTaskData>> tasks)
    {
        if (tasks.Count == 0)
            throw new InvalidOperationException("There are no tasks. Give Fit one at least; two or more share what they learn.");

        foreach (var (name, data) in tasks)
        {
            if (data is null)
                throw new InvalidOperationException($"Task '{name}' is null. Give each name a task and its rows.");
            Named(name, () =>
            {
                TrainingSession.CheckColumns(data.Task, data.Training, data.Validation);
                return true;
            });
        }
        if (_options.TrainedMethod is FineTuning && tasks.Select(task => task.Value.Task.NeedsLanguageHead).Distinct().Skip(1).Any())
            throw new InvalidOperationException(
                "Some tasks read the language model's head (a Verbalizer, or texts that are written) and others do not, but FineTuning trains one set of "
                + "weights: with that head, or without it. Give all tasks a Verbalizer, or none, and train those that write apart.");
        if (_options.EarlyStoppingPatience > 0 && tasks.All(task => task.Value.Validation is null))
            throw new InvalidOperationException("EarlyStoppingPatience needs a validation set of at least one task; or set the patience to 0.");
    }

    private static TrainingTask Prepare(string name, PTuningV2MultiTaskData data, OpenBackbone backbone, TrainingSession session)
    {
        var task = Named(name, () => session.Prepare(data.Task, data.Training, data.Validation, backbone)) with { Name = name };
        if (Untrained.Is(task.Network))
            throw new InvalidOperationException(
                $"Task '{name}': nothing can be trained, because the method trains no tensors and the task's Verbalizer has none. Set another Method.");
        session.LogStart(task);
        return task;
    }

    /// <summary>Puts the task's name before what is wrong with it.</summary>
    private static T Named<T>(string name, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (InvalidOperationException e) when (e is not ObjectDisposedException)
        {
            throw new InvalidOperationException($"Task '{name}': {e.Message}", e);
        }
        catch (ArgumentOutOfRangeException e)
        {
            var message = e.Message.Replace($" (Parameter '{e.ParamName}')", ""); // The new exception appends it again.
            throw new ArgumentOutOfRangeException(e.ParamName, $"Task '{name}': {message}");
        }
    }

    private IReadOnlyList<TrainingResult> Learn(IReadOnlyList<TrainingTask> tasks, int padId, TrainingSession session)
    {
        var settings = session.SettingsFor(tasks);
        var epochs = (long)settings.MaxEpochs + _options.ContinuationEpochs;
        using var trunk = TrunkCache.Create(tasks, epochs, settings, padId, session.Device);
        var shared = new TrainingLoop(tasks, settings, padId, session.Device, trunk) { Stage = "shared" }.Run();
        return _options.ContinuationEpochs == 0 ? shared : Continue(tasks, shared, padId, session, settings, trunk);
    }

    private TrainingResult[] Continue(
        IReadOnlyList<TrainingTask> tasks, IReadOnlyList<TrainingResult> shared, int padId, TrainingSession session, TrainingSettings settings,
        TrunkCache? trunk)
    {
        settings = settings with { MaxEpochs = _options.ContinuationEpochs, ProjectionSize = 0 };
        var continued = new List<TrainingResult>();
        try
        {
            foreach (var (task, before) in tasks.Zip(shared))
                continued.AddRange(new TrainingLoop([task.After(before)], settings, padId, session.Device, trunk)
                {
                    Stage = $"task {continued.Count + 1} {task.Name}",
                }.Run());
            return [.. continued];
        }
        catch
        {
            Free(continued);
            throw;
        }
        finally
        {
            Free(shared);
        }
    }

    private Dictionary<string, PTuningV2Transformer> ToModels(
        IReadOnlyList<TrainingTask> tasks, IReadOnlyList<TrainingResult> results, IReadOnlyList<OpenBackbone> backbones, TrainingSession session)
    {
        try
        {
            return Enumerable.Range(0, tasks.Count).ToDictionary(
                i => tasks[i].Name!, i => new PTuningV2Transformer(session.ToModel(tasks[i], results[i], backbones[i]), _mlContext, _limit));
        }
        catch
        {
            Free(results);
            throw;
        }
    }

    private static void Free(IEnumerable<TrainingResult> results)
    {
        foreach (var result in results)
            result.Tensors.Dispose();
    }
}
