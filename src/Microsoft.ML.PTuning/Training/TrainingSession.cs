using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Training.Resuming;
using Microsoft.ML.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training;

/// <summary>The environment of a fit: log, device, seed, cancellation. Turns data into tasks, and results into models.</summary>
internal sealed class TrainingSession : IDisposable
{
    private readonly IHost _host;
    private readonly TrainingOptions _options;
    private readonly IChannel _channel;

    public TrainingSession(IHost host, TrainingOptions options)
    {
        TorchNative.EnsureLoaded();
        (_host, _options, _channel) = (host, options, host.Start("Training"));
        try
        {
            Device = HostEnvironment.DeviceOf(host, options.GpuDeviceId, options.FallbackToCpu, Warn);
            var stopped = options.CheckpointDirectory is { } folder ? CheckpointFolder.Peek(folder) : null;
            if (options.Advanced.ShardComputer is not null && Device.type != DeviceType.CPU)
                throw new ArgumentException(
                    $"Advanced.ShardComputer has shards computed on CPUs, but the context's device is {Device}. Train on the CPU, or leave it out.",
                    nameof(options));
            var seed = options.Seed ?? HostEnvironment.SeedOf(host) ?? stopped?.Seed ?? Random.Shared.Next();
            var takesShards = options.Advanced.Shards == 0 && Device.type == DeviceType.CPU;
            var shards = takesShards && stopped is not null ? stopped.Value.Shards : options.ShardsOn(Device);
            var settings = options.Settings(seed, shards, Log, CheckCancelled);
            Settings = settings.TrunkCache is { } cache
                ? settings with { TrunkCache = cache with { Folder = HostEnvironment.TemporaryFolderOf(host) } }
                : settings;
        }
        catch
        {
            _channel.Dispose();
            throw;
        }
    }

    public Device Device { get; }

    /// <summary>What trainings on the same rows share; null for a training of its own.</summary>
    public SharedRows? Shared { get; init; }

    private TrainingSettings Settings { get; }

    /// <summary>Opens the encoder as a task needs it.</summary>
    /// <exception cref="InvalidOperationException">The task writes, and no language model is named.</exception>
    /// <exception cref="DirectoryNotFoundException">The encoder is not on this machine.</exception>
    /// <exception cref="HttpRequestException">It is to be downloaded, and cannot be.</exception>
    public OpenBackbone LeaseBackbone(PromptTask task)
    {
        if (_options.Backbone is null && task.Writer is not null)
        {
            throw new InvalidOperationException(
                "Backbone is null, but the default encoder does not write text, nor does another package's. Name a language model: its folder, its hub id, or "
                + $"hf:// and its hub id. Families that write: {BackboneFamilies.Writing}.");
        }

        var precision = _options.Precision.On(Device, _options.TrainedMethod.ChangesWeights, task.Writer is not null);
        var backbone = BackboneLibrary.Open(
            _options.Backbone, Device, precision, task.ForMethod(_options.TrainedMethod).NeedsLanguageHead,
            new(Log, CheckCancelled, Progress: null, _options.CancellationToken));
        try
        {
            Shared?.Hold(backbone.Lease);
            return backbone;
        }
        catch
        {
            backbone.Lease.Dispose();
            throw;
        }
    }

    /// <summary>Checks the columns before any row is read or an encoder is loaded.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    public static void CheckColumns(PromptTask task, IDataView training, IDataView? validation)
    {
        SchemaShapes.Append(SchemaShapes.Of(training.Schema), task);
        if (validation is not null)
            SchemaShapes.Append(SchemaShapes.Of(validation.Schema), task);
    }

    /// <summary>Reads the rows, and completes the task from them.</summary>
    /// <exception cref="InvalidOperationException">Options and encoder do not fit together, or nothing can be learned from these rows.</exception>
    public TrainingTask Prepare(PromptTask task, IDataView training, IDataView? validation, OpenBackbone backbone)
    {
        RefuseMisfit(task, backbone);
        task = task.ForBackbone(backbone.Lease.Backbone).ForMethod(_options.TrainedMethod).ForData(training, CheckCancelled).ForTokenizer(backbone.Lease.Tokenizer);
        var rows = Read(training, task, backbone, "training");
        task = FindLabelWords(task.ForTargets(rows), rows, backbone.Lease);
        if (validation is not null)
            task.CheckValidation(validation);
        var judged = validation is null ? null : Read(validation, task, backbone, "validation");
        var (method, lease) = (_options.TrainedMethod, backbone.Lease);
        var everywhere = task.FixedTokens(lease.Tokenizer);
        var words = rows.Examples.SelectMany(e => e.Parts).SelectMany(p => p.Sequences)
            .Select(row => row with { Ids = [.. row.Ids.Where(id => !everywhere.Contains(id))] });
        return new TrainingTask(task, new PromptNetwork(method.Adapt(lease.Backbone), task.Head), rows, judged)
        {
            StartWords = method.ChooseWords(words, lease.Tokenizer, task.Classes?.Values ?? []),
            StartRows = StartRows.Choose(rows, method.StartRows),
            FixedWords = everywhere.Union(task.ClassTokens).ToHashSet(),
            Encoder = backbone.Reference,
            RowWarnings = TrainingFaults.OfRows(task, rows, backbone.Lease.Tokenizer),
        };
    }

    private PromptTask FindLabelWords(PromptTask task, ExampleSet rows, BackboneLease lease)
    {
        if (task is not SentenceClassification { WordsPerClass: > 0, Verbalizer: null } searching)
            return task;

        using var scope = NewDisposeScope();
        var (method, tokenizer) = (_options.TrainedMethod, lease.Tokenizer);
        var first = new FirstValues(Initializers.Zero, Initializers.Zero) { Words = method.ChooseWords([], tokenizer, []) };
        using var parameters = method.Create(lease.Backbone, first);
        using var tensors = new TrainedTensors();
        foreach (var (name, value) in parameters.Values())
            tensors.Add(name, value.detach().to(Device));
        var words = LabelWordSearch.Find(
            searching, rows.Examples, method.Adapt(lease.Backbone), tensors, lease, task.FixedTokens(tokenizer), Device, Settings.Seed);
        foreach (var ofClass in words)
            Log($"Words for the class '{ofClass.Class}': {string.Join(", ", ofClass.Words)}.");
        return searching with { Verbalizer = words };
    }

    /// <summary>Reads rows without labels.</summary>
    /// <param name="task">A completed task.</param>
    /// <exception cref="InvalidOperationException">There are none.</exception>
    public ExampleSet ReadUnlabelled(IDataView data, PromptTask task, OpenBackbone backbone)
    {
        var rows = ExampleSet.Read(data, task, backbone.Lease.Tokenizer, CheckCancelled, withTarget: false);
        return rows.Examples.Count > 0 ? rows : throw new InvalidOperationException("There are no unlabelled rows. Check where they come from.");
    }

    /// <summary>Trains a single task; on the training thread.</summary>
    /// <exception cref="InvalidOperationException">The loss or a weight became NaN or infinite.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public TrainingResult Learn(TrainingTask task, TrainingSettings settings, int padId)
    {
        if (Untrained.Is(task.Network))
            return Untrained.Measure(task, settings, padId, Device);

        if (Shared is not null)
            return Learn(Shared.CacheTrunk(task, settings, padId, Device));

        using var trunk = TrunkCache.Create([task], settings.MaxEpochs, settings, padId, Device);
        return Learn(trunk);

        TrainingResult Learn(TrunkCache? trunk) => new TrainingLoop([task], settings, padId, Device, trunk).Run()[0];
    }

    /// <summary>The settings for these tasks. Their rows decide what the options leave open.</summary>
    public TrainingSettings SettingsFor(IReadOnlyList<TrainingTask> tasks) => Settings with
    {
        MaxEpochs = Settings.MaxEpochs > 0 ? Settings.MaxEpochs : tasks.Max(task => task.Task.Epochs.For(task.Training.Examples.Count)),
        PadToLength = _options.Advanced.PadToMaxLength ? tasks.Max(task => task.Task.MaxLength) : 0,
    };

    /// <summary>Logs what training begins with.</summary>
    public void LogStart(TrainingTask task)
    {
        Log((task.Name is null ? "" : $"Task '{task.Name}': ")
            + $"{task.Training.Examples.Count - task.Training.Misaligned} training rows ({task.Training.Skipped} without a label skipped, "
            + $"{task.Training.Truncated} cut to fit {task.Task.MaxLength} tokens{(task.Task.Writer is null ? "" : $" of text or {task.Task.DecoderLength} of label")}, "
            + $"{task.Training.Misaligned} whose label is not in their text left out), "
            + $"seed {Settings.Seed}, {Settings.Shards} shards, {Device}.");
        foreach (var warning in task.RowWarnings)
            Warn(task.Subject(warning.Text));
    }

    /// <summary>Makes the model, which takes over encoder and tensors. If this fails, the tensors are freed.</summary>
    public PromptModel ToModel(TrainingTask task, TrainingResult result, OpenBackbone backbone)
    {
        TrainedTensors? tensors = null;
        try
        {
            foreach (var warning in result.Summary.Warnings.Skip(task.RowWarnings.Count)) // Those were logged at the start.
                Warn(warning.Text);
            (var method, tensors) = _options.TrainedMethod.Finish(backbone.Lease.Backbone, result.Tensors);
            return new PromptModel(task.Task, method, backbone, tensors, result.Summary.Saving(tensors.Bytes), Device);
        }
        catch
        {
            tensors?.Dispose();
            throw;
        }
        finally
        {
            if (tensors != result.Tensors) // Nothing or others have been handed over.
                result.Tensors.Dispose();
        }
    }

    public void Log(string line) => _channel.Info(MessageSensitivity.None, "{0}", line);

    public void Dispose() => _channel.Dispose();

    private void Warn(string line) => _channel.Warning(MessageSensitivity.None, "{0}", line);

    private void RefuseMisfit(PromptTask task, OpenBackbone backbone)
    {
        if (task.FindMisfit(_options.TrainedMethod, backbone.Lease.Backbone, backbone.Lease.Tokenizer) is { } misfit)
            throw new InvalidOperationException($"The options do not fit '{backbone.Reference.Name}': {misfit}");
    }

    private ExampleSet Read(IDataView data, PromptTask task, OpenBackbone backbone, string kind)
    {
        var rows = Shared is null ? Encode() : Shared.Read(data, task, Encode);
        return rows.Examples.Count > 0
            ? rows
            : throw new InvalidOperationException(
                rows.Skipped == 0
                    ? $"There are no {kind} rows: the data is empty. Check the file or the query that it comes from."
                    : $"There are no {kind} rows: {rows.Skipped} rows were read and all lack a value in label column '{task.LabelColumns[0].Name}'. "
                        + "Check the data, and the mapping of the label.");

        ExampleSet Encode() => ExampleSet.Read(data, task, backbone.Lease.Tokenizer, CheckCancelled);
    }

    /// <exception cref="OperationCanceledException">The work has been cancelled.</exception>
    public void CheckCancelled()
    {
        _options.CancellationToken.ThrowIfCancellationRequested();
        HostEnvironment.CheckCancelled(_host);
    }
}
