using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Scoring;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning;

/// <summary>Predicts with many models on one encoder: rows of different models that arrive at the same time share a batch.</summary>
/// <remarks>
/// <para>
/// A model is a <see cref="PTuningV2Transformer"/>, or a chain with one of them, of any task, prefix length and depth. All models have the same
/// encoder. Results are those of a <c>PredictionEngine</c> with the same model, except in the last digits. Models may be added, replaced and removed
/// at any time; rows that are already queued are completed with the model they were queued for.
/// </para>
/// <para>
/// The caller's thread reads the row and tokenises its text. The row then waits in a bounded queue. Batches of the queue run on all cores, or one
/// after the other on the models' GPU. The first row of a type takes some milliseconds more per model, because ML.NET compiles code that reads it.
/// </para>
/// <para>Any number of threads may use it at once. Dispose it, because it has its own thread. The caller disposes the models, unless
/// <see cref="Options.OwnsTransformers"/> is set. By default a <c>PredictionEngine</c> disposes its model when it is disposed; set its options
/// otherwise if it shares a model with a predictor.</para>
/// </remarks>
public sealed partial class PTuningV2MultiTaskPredictor : IDisposable, IAsyncDisposable
{
    private readonly MLContext _mlContext;
    private readonly Options _options;
    private readonly PredictionQueue _queue;
    private readonly Dictionary<string, ServedModel> _models = new(StringComparer.Ordinal);
    private readonly HashSet<ServedModel> _removed = []; // Those that rows are still on their way through.
    private bool _isDisposed;

    /// <summary>Creates a predictor without models.</summary>
    /// <param name="mlContext">Reads rows and writes predictions. It does not change the device of the models.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ArgumentException">The context's option PTuning.ScoringCores is not a number of cores.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <inheritdoc cref="Options" path="/example"/>
    public PTuningV2MultiTaskPredictor(MLContext mlContext, Options? options = null)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        options ??= new Options();
        options.Check();
        (_mlContext, _options) = (mlContext, options.Copy()); // What the caller changes later was not checked.
        _queue = new PredictionQueue(
            new(options.MaxBatchSize, options.MaxDelay, options.Capacity, options.RefuseWhenFull, options.MaxWait, JobLimit.Of(mlContext)));
    }

    /// <summary>The names of the current models, in no particular order.</summary>
    public IReadOnlyCollection<string> ModelNames
    {
        get
        {
            lock (_models)
                return [.. _models.Keys];
        }
    }

    /// <summary>About how long a call that comes now waits until its batch begins.</summary>
    /// <remarks>
    /// By the tokens of the calls before it, and the time that the last batches took. Zero if these fit the batches that the cores compute next.
    /// </remarks>
    public TimeSpan ExpectedWait => _queue.ExpectedWait;

    /// <summary>Adds a model under a new name.</summary>
    /// <param name="name">The name by which calls choose the model, case-sensitive.</param>
    /// <param name="model">A model from <c>mlContext.Model.Load</c>, <c>PTuningV2Transformer.LoadFrom</c> or <c>Fit</c>.</param>
    /// <exception cref="ArgumentException">
    /// The name is taken; the model does not contain exactly one <see cref="PTuningV2Transformer"/>, or has a step that does not map rows one by one; or
    /// its encoder is not that of the other models.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The predictor, or the model, has been disposed.</exception>
    /// <example>
    /// <code>
    /// predictor.Add("queue", mlContext.Model.Load("queue.zip", out _));                // ML.NET's zip: a model or a chain.
    /// predictor.Add("urgent", PTuningV2Transformer.LoadFrom(mlContext, "urgent.zip")); // A zip of SaveTo.
    /// </code>
    /// </example>
    public void Add(string name, ITransformer model) => Put(name, model, mayReplace: false);

    /// <summary>Adds a model, or replaces the model with this name.</summary>
    /// <inheritdoc cref="Add"/>
    /// <example>
    /// <code>
    /// ITransformer retrained = mlContext.Model.Load("queue.zip", out _);
    /// predictor.Set("queue", retrained); // Calls go on; later rows get the new model.
    /// </code>
    /// </example>
    public void Set(string name, ITransformer model) => Put(name, model, mayReplace: true);

    /// <summary>Removes a model; its queued rows are completed.</summary>
    /// <returns>Whether there was a model with this name.</returns>
    /// <exception cref="ObjectDisposedException">The predictor has been disposed.</exception>
    /// <example>
    /// <code>
    /// if (!predictor.Remove("spam"))
    ///     Console.WriteLine("There is no model 'spam'.");
    /// </code>
    /// </example>
    public bool Remove(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        ServedModel? removed;
        lock (_models)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _models.Remove(name, out removed);
            MarkRemoved(removed);
        }
        End(removed is null ? [] : [removed]);
        return removed is not null;
    }

    /// <summary>Predicts a row with one model.</summary>
    /// <typeparam name="TRow">The row's type, as for a <c>PredictionEngine</c>.</typeparam>
    /// <typeparam name="TPrediction">The prediction's type, as for a <c>PredictionEngine</c>.</typeparam>
    /// <param name="model">The model's name.</param>
    /// <param name="row">The row; do not change it before the task is completed.</param>
    /// <param name="cancellationToken">Ends the call; the row is not computed if its batch has not begun.</param>
    /// <returns>The prediction. A null argument throws at once; all other errors are in the task.</returns>
    /// <exception cref="ArgumentException">There is no such model.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A column that the model reads is missing in <typeparamref name="TRow"/>, or of another type.
    /// </exception>
    /// <exception cref="PredictionQueueFullException">The queue is full, and <see cref="Options.RefuseWhenFull"/> is set.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The predictor, or the model, has been disposed.</exception>
    /// <example>
    /// <code>
    /// var ticket = new Ticket { Text = "I paid twice." };
    /// Routing routing = await predictor.PredictAsync&lt;Ticket, Routing&gt;("queue", ticket, cancellationToken);
    /// Console.WriteLine(routing.PredictedLabel);
    /// </code>
    /// </example>
    public Task<TPrediction> PredictAsync<TRow, TPrediction>(string model, TRow row, CancellationToken cancellationToken = default)
        where TRow : class
        where TPrediction : class, new()
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(row);
        return PredictOneAsync<TRow, TPrediction>(model, row, cancellationToken);
    }

    /// <summary>Predicts one row with several models, such as a text's topic, tone and language.</summary>
    /// <remarks>
    /// If the models have no prefix in the same lower layers (<c>PrefixLayers</c>) and read the same text at the same positions, these layers run once
    /// for all of them.
    /// </remarks>
    /// <typeparam name="TRow">The row's type; it has the columns of all models.</typeparam>
    /// <typeparam name="TPrediction">
    /// The prediction's type. Properties that a model does not set keep their initial values. If models output a column in different types (a score, a
    /// score per class), train them with different names, such as <c>ScoreColumnName</c>.
    /// </typeparam>
    /// <param name="models">The models' names, each once.</param>
    /// <param name="row">The row; do not change it before the task is completed.</param>
    /// <param name="cancellationToken">Ends the call; the row is not computed if its batch has not begun.</param>
    /// <returns>The predictions by the models' names; errors are as in <see cref="PredictAsync"/>.</returns>
    /// <exception cref="ArgumentException">There is no such model, or a model is named twice.</exception>
    /// <inheritdoc cref="PredictAsync" path="/exception[not(contains(@cref, 'T:System.ArgumentException'))]"/>
    /// <example>
    /// <code>
    /// var ticket = new Ticket { Text = "I paid twice." };
    /// var predictions = await predictor.PredictAllAsync&lt;Ticket, Verdict&gt;(["urgent", "angry"], ticket);
    /// Console.WriteLine($"urgent {predictions["urgent"].Probability:F2}, angry {predictions["angry"].Probability:F2}");
    /// </code>
    /// </example>
    public Task<IReadOnlyDictionary<string, TPrediction>> PredictAllAsync<TRow, TPrediction>(
        IReadOnlyCollection<string> models, TRow row, CancellationToken cancellationToken = default)
        where TRow : class
        where TPrediction : class, new()
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(row);
        return PredictNamedAsync<TRow, TPrediction>(EachOnce(models), row, cancellationToken);
    }

    /// <summary>
    /// Refuses new rows, fails waiting rows with <see cref="ObjectDisposedException"/>, and returns when the rows that are being computed are completed.
    /// Models that it owns are disposed when the last call has returned. It may be called more than once.
    /// </summary>
    public void Dispose()
    {
        var models = Close();
        _queue.Dispose();
        End(models);
    }

    /// <summary>Does the same as <see cref="Dispose"/> without blocking the caller's thread.</summary>
    public async ValueTask DisposeAsync()
    {
        var models = Close();
        await Task.Run(_queue.Dispose).ConfigureAwait(false);
        End(models);
    }

    /// <summary>Refuses new rows.</summary>
    /// <returns>The models that there were.</returns>
    private ServedModel[] Close()
    {
        lock (_models)
        {
            _isDisposed = true;
            ServedModel[] models = [.. _models.Values];
            _models.Clear();
            Array.ForEach(models, MarkRemoved);
            return models;
        }
    }

    private void Put(string name, ITransformer model, bool mayReplace)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(model);
        var served = ServedModel.Of(name, model);
        ServedModel? replaced;
        lock (_models)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_models.TryGetValue(name, out replaced) && !mayReplace)
                throw new ArgumentException($"There is a model '{name}' already. Use another name, or Set to replace it.", nameof(name));
            if (_models.Values.FirstOrDefault(other => other != replaced && !other.Model.IsDisposed) is { } neighbour)
                served.RequireSameEncoder(neighbour);
            _models[name] = served;
            MarkRemoved(replaced);
        }
        End(replaced is null ? [] : [replaced]);
    }

    private static string[] EachOnce(IReadOnlyCollection<string> models)
    {
        string[] names = [.. models];
        return names.GroupBy(name => name).FirstOrDefault(same => same.Skip(1).Any()) is { } twice
            ? throw new ArgumentException($"Model '{twice.Key}' is named twice. Name each model once.", nameof(models))
            : names;
    }

    private void MarkRemoved(ServedModel? model)
    {
        if (model is not null)
            _removed.Add(model);
    }

    /// <summary>Ends a use of models. After a model's last one its steps are disposed where the predictor owns them.</summary>
    /// <remarks>A step may be in several models, alone and in chains, or be set again under its own name: the last of them disposes it.</remarks>
    private void End(IEnumerable<ServedModel> models)
    {
        var unused = new List<IDisposable>();
        lock (_models)
        {
            foreach (var model in models.Where(model => model.TryEnd()))
            {
                _removed.Remove(model);
                unused.AddRange(model.Bindings);
                if (_options.OwnsTransformers)
                    unused.AddRange(model.DisposableSteps.Except(_models.Values.Concat(_removed).SelectMany(other => other.DisposableSteps)));
            }
        }
        unused.ForEach(step => step.Dispose());
    }

    private async Task<TPrediction> PredictOneAsync<TRow, TPrediction>(string name, TRow row, CancellationToken cancellationToken)
        where TRow : class
        where TPrediction : class, new() =>
        (await AskAsync<TRow, TPrediction>([name], row, cancellationToken).ConfigureAwait(false))[0];

    private async Task<IReadOnlyDictionary<string, TPrediction>> PredictNamedAsync<TRow, TPrediction>(
        string[] names, TRow row, CancellationToken cancellationToken)
        where TRow : class
        where TPrediction : class, new() =>
        Named(names, await AskAsync<TRow, TPrediction>(names, row, cancellationToken).ConfigureAwait(false));

    private static Dictionary<string, TResult> Named<TResult>(string[] names, TResult[] results) =>
        names.Zip(results).ToDictionary(pair => pair.First, pair => pair.Second);

    private Task<TPrediction[]> AskAsync<TRow, TPrediction>(string[] names, TRow row, CancellationToken cancellationToken)
        where TRow : class
        where TPrediction : class, new() =>
        AskAsync(
            names,
            model => model.Binding<TRow, TPrediction>(_mlContext),
            binding => binding.Read(row),
            (_, binding, prediction) => binding.Write(row, prediction),
            cancellationToken);

    /// <param name="bind">Finds what reads and writes a model's rows.</param>
    /// <param name="read">Reads the row.</param>
    /// <param name="write">Makes the result for a model's name.</param>
    private async Task<TResult[]> AskAsync<TBinding, TResult>(
        string[] names,
        Func<ServedModel, TBinding> bind,
        Func<TBinding, PendingExample> read,
        Func<string, TBinding, Prediction, TResult> write,
        CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (names.Length == 0)
            return [];

        var models = Begin(names);
        var start = ScoringMetrics.StartCall();
        Exception? failure = null;
        try
        {
            var bindings = Array.ConvertAll(models, model => bind(model));
            var predictions = await _queue.PredictAsync(() => Read(models, Array.ConvertAll(bindings, binding => read(binding))), cancellationToken)
                .ConfigureAwait(false);
            return [.. names.Select((name, i) => write(name, bindings[i], predictions[i]))];
        }
        catch (Exception e)
        {
            failure = e;
            throw;
        }
        finally
        {
            End(models);
            ScoringMetrics.EndCall(names, start, failure);
        }
    }

    private static IReadOnlyList<QueuedRow> Read(ServedModel[] models, PendingExample[] pending)
    {
        var examples = pending.Zip(models, (example, model) => example(model.Model.Tokenizer)).ToArray();
        var queued = new List<QueuedRow>(models.Length);
        try
        {
            foreach (var (model, example) in models.Zip(examples))
            {
                model.Model.Enter();
                queued.Add(new QueuedRow(model.Model, example));
            }
            return queued;
        }
        catch
        {
            foreach (var entered in queued)
                entered.Abandon();
            throw;
        }
    }

    /// <summary>Finds models before anyone can remove and dispose them.</summary>
    private ServedModel[] Begin(string[] names)
    {
        lock (_models)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            var models = Array.ConvertAll(names, name => _models.GetValueOrDefault(name) ?? throw Unknown(name));
            Array.ForEach(models, model => model.Begin());
            return models;
        }
    }

    private ArgumentException Unknown(string name)
    {
        const int Named = 20;
        var some = string.Join(", ", _models.Keys.Order(StringComparer.Ordinal).Take(Named).Select(served => $"'{served}'"));
        var models = _models.Count == 0 ? "none" : _models.Count <= Named ? some : $"{some} and {_models.Count - Named} more";
        return new ArgumentException($"There is no model '{name}'. The predictor has: {models}. Add it first.");
    }
}
