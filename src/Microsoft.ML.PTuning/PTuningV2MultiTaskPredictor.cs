using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Scoring;

namespace Microsoft.ML.PTuning;

/// <summary>Answers rows of many tasks with one encoder: rows of different models that come at the same time share a batch.</summary>
/// <remarks>
/// <para>
/// A model is a <see cref="PTuningV2Transformer"/>, or a chain with one of them, of any task, prefix length and depth; all stand on the same encoder.
/// Results are those of a <c>PredictionEngine</c> over the same model, in the last digits apart. Models may be added, replaced and removed
/// while others are being asked; rows under way are completed with the model they were given to.
/// </para>
/// <para>
/// A row's columns are read and its text is tokenised on the caller's thread. Then it waits in a bounded queue, from which batches go to all cores,
/// or one by one to the GPU of the models. The first row of a type for a model takes some milliseconds more: ML.NET compiles how it is read.
/// </para>
/// <para>Safe for any number of threads. Dispose of it: it has a thread of its own. The models remain the caller's, unless
/// <see cref="Options.OwnsTransformers"/> says otherwise. A <c>PredictionEngine</c> over one of them disposes it with itself, unless its options say
/// otherwise.</para>
/// </remarks>
public sealed partial class PTuningV2MultiTaskPredictor : IDisposable, IAsyncDisposable
{
    private readonly MLContext _mlContext;
    private readonly Options _options;
    private readonly PredictionQueue _queue;
    private readonly Dictionary<string, ServedModel> _models = new(StringComparer.Ordinal);
    private readonly HashSet<ServedModel> _removed = []; // Those that rows are still on their way through.
    private bool _isDisposed;

    /// <param name="mlContext">Reads rows and writes predictions; devices and folders are those that the models were loaded with.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ArgumentException">The context's option PTuning.ScoringCores is no number of cores.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public PTuningV2MultiTaskPredictor(MLContext mlContext, Options? options = null)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        options ??= new Options();
        options.Check();
        (_mlContext, _options) = (mlContext, options.Copy()); // What the caller changes later was not checked.
        _queue = new PredictionQueue(
            new(options.MaxBatchSize, options.MaxDelay, options.Capacity, options.RefuseWhenFull, JobLimit.Of(mlContext)));
    }

    /// <summary>The names of the models there are now, in no particular order.</summary>
    public IReadOnlyCollection<string> ModelNames
    {
        get
        {
            lock (_models)
                return [.. _models.Keys];
        }
    }

    /// <summary>Adds a model under a new name.</summary>
    /// <param name="name">What rows ask for; capitals and small letters differ.</param>
    /// <param name="model">What <c>mlContext.Model.Load</c>, <c>PTuningV2Transformer.LoadFrom</c> or <c>Fit</c> gave.</param>
    /// <exception cref="ArgumentException">
    /// The name is taken. Or the model is or contains none or several <see cref="PTuningV2Transformer"/>s, has a step that does not go row by row,
    /// or stands on another encoder than the models that are there.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The predictor, or the model, has been disposed.</exception>
    public void Add(string name, ITransformer model) => Put(name, model, mayReplace: false);

    /// <summary>Adds a model, or puts it in the place of the one that has this name.</summary>
    /// <inheritdoc cref="Add"/>
    public void Set(string name, ITransformer model) => Put(name, model, mayReplace: true);

    /// <summary>Removes a model; the rows that were given to it are completed.</summary>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="ObjectDisposedException">The predictor has been disposed.</exception>
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

    /// <summary>Asks a model about a row.</summary>
    /// <typeparam name="TRow">The row's type, as for a <c>PredictionEngine</c>.</typeparam>
    /// <typeparam name="TPrediction">The prediction's type, likewise.</typeparam>
    /// <param name="model">The model's name.</param>
    /// <param name="row">It is not to be changed before the prediction is there.</param>
    /// <param name="cancellationToken">Gives up waiting, and the row, where it is not being computed yet.</param>
    /// <returns>The prediction. A null argument throws at once; everything else that goes wrong, the task tells.</returns>
    /// <exception cref="ArgumentException">There is no such model.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A column that the model reads is missing in <typeparamref name="TRow"/>, or of another type.
    /// </exception>
    /// <exception cref="PredictionQueueFullException">The queue is full, and <see cref="Options.RefuseWhenFull"/>.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The predictor, or the model, has been disposed.</exception>
    public Task<TPrediction> PredictAsync<TRow, TPrediction>(string model, TRow row, CancellationToken cancellationToken = default)
        where TRow : class
        where TPrediction : class, new()
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(row);
        return PredictOneAsync<TRow, TPrediction>(model, row, cancellationToken);
    }

    /// <summary>Asks several models about one row, as a text's topic, tone and language.</summary>
    /// <remarks>
    /// Where they leave the same lower layers without a prefix (<c>PrefixLayers</c>) and read the same text at the same positions, these layers run
    /// once for all of them.
    /// </remarks>
    /// <typeparam name="TRow">The row's type; it has the columns that any of the models reads.</typeparam>
    /// <typeparam name="TPrediction">
    /// The prediction's type. What a model does not give stays as it is in a new object; a column that models give in different types (a score, or a
    /// score a class) needs different names, <c>ScoreColumnName</c> and the like, when they are trained.
    /// </typeparam>
    /// <param name="models">The models' names, each once.</param>
    /// <param name="row">It is not to be changed before the predictions are there.</param>
    /// <param name="cancellationToken">Gives up waiting, and the row, where it is not being computed yet.</param>
    /// <returns>The predictions by the models' names.</returns>
    /// <exception cref="ArgumentException">There is no such model, or it is named twice.</exception>
    /// <inheritdoc cref="PredictAsync" path="/exception[not(contains(@cref, 'T:System.ArgumentException'))]"/>
    public Task<IReadOnlyDictionary<string, TPrediction>> PredictAllAsync<TRow, TPrediction>(
        IReadOnlyCollection<string> models, TRow row, CancellationToken cancellationToken = default)
        where TRow : class
        where TPrediction : class, new()
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(row);
        string[] names = [.. models];
        if (names.GroupBy(name => name).FirstOrDefault(same => same.Skip(1).Any()) is { } twice)
            throw new ArgumentException($"Model '{twice.Key}' is named twice. Name each model once.", nameof(models));

        return PredictNamedAsync<TRow, TPrediction>(names, row, cancellationToken);
    }

    /// <summary>
    /// Refuses new rows, fails those that wait with <see cref="ObjectDisposedException"/>, completes those that are being computed and returns then.
    /// Models that it owns are disposed when the last call has returned. May be called more than once.
    /// </summary>
    public void Dispose()
    {
        var models = Close();
        _queue.Dispose();
        End(models);
    }

    /// <summary>The same, without a thread of the caller's that waits.</summary>
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
        where TPrediction : class, new()
    {
        var predictions = await AskAsync<TRow, TPrediction>(names, row, cancellationToken).ConfigureAwait(false);
        return names.Zip(predictions).ToDictionary(pair => pair.First, pair => pair.Second);
    }

    private async Task<TPrediction[]> AskAsync<TRow, TPrediction>(string[] names, TRow row, CancellationToken cancellationToken)
        where TRow : class
        where TPrediction : class, new()
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (names.Length == 0)
            return [];

        var models = Begin(names);
        var start = ScoringMetrics.StartCall();
        Exception? failure = null;
        try
        {
            var bindings = Array.ConvertAll(models, model => model.Binding<TRow, TPrediction>(_mlContext));
            var predictions = await _queue.PredictAsync(() => Read(row, models, bindings), cancellationToken).ConfigureAwait(false);
            return [.. bindings.Zip(predictions, (binding, prediction) => binding.Write(row, prediction))];
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

    private static IReadOnlyList<QueuedRow> Read<TRow, TPrediction>(TRow row, ServedModel[] models, RowBinding<TRow, TPrediction>[] bindings)
        where TRow : class
        where TPrediction : class, new()
    {
        var examples = bindings.Zip(models, (binding, model) => binding.Read(row)(model.Model.Tokenizer)).ToArray();
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
