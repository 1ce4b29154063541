using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Batching;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Scoring;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Training;
using Microsoft.ML.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning;

/// <summary>Trains a text task on a frozen transformer encoder by P-Tuning v2: key and value prefixes in every layer, and a small head.</summary>
/// <remarks>
/// <para>Liu et al., "P-Tuning v2: Prompt Tuning Can Be Comparable to Fine-tuning Across Scales and Tasks", ACL 2022.</para>
/// <para>
/// Made by <c>PTuningV2</c> on the multiclass, binary and regression trainers of an <see cref="MLContext"/> (<see cref="PTuningCatalog"/>).
/// Input: one or two text columns and a label. Output: the score columns of ML.NET's own trainers. No normalisation is needed; rows are
/// tokenised once, so caching speeds up only what stands before the trainer. One trainer may be fitted on several threads at once.
/// </para>
/// </remarks>
public sealed partial class PTuningV2Trainer : IEstimator<PTuningV2Transformer>
{
    private readonly IHost _host;
    private readonly Options _options;
    private readonly PromptTask _task;

    /// <param name="task">What is learned; it does not know the classes yet.</param>
    internal PTuningV2Trainer(IHostEnvironment environment, Options options, PromptTask task)
    {
        options.Check();
        _host = environment.Register(nameof(PTuningV2Trainer));
        (_options, _task) = (options.Copy(), task); // What the caller changes later was not checked.
    }

    /// <summary>Trains on <paramref name="input"/>, and validates on <see cref="Options.ValidationSet"/> where there is one.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidOperationException">Nothing can be learned from these rows, or training diverged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="DirectoryNotFoundException">The backbone is not on this machine.</exception>
    public PTuningV2Transformer Fit(IDataView input) => Train(input, _options.ValidationSet);

    /// <summary>Trains on <paramref name="input"/> and returns the weights of the epoch that is best on <paramref name="validation"/>.</summary>
    /// <inheritdoc cref="Fit(IDataView)" path="/exception"/>
    public PTuningV2Transformer Fit(IDataView input, IDataView validation)
    {
        ArgumentNullException.ThrowIfNull(validation);
        return Train(input, validation);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return SchemaShapes.Append(inputSchema, _task);
    }

    private PTuningV2Transformer Train(IDataView input, IDataView? validation)
    {
        ArgumentNullException.ThrowIfNull(input);
        SchemaShapes.Append(SchemaShapes.Of(input.Schema), _task);
        if (validation is not null)
            SchemaShapes.Append(SchemaShapes.Of(validation.Schema), _task);
        else if (_options.EarlyStoppingPatience > 0)
            throw new InvalidOperationException(
                "EarlyStoppingPatience needs a validation set: give one to Fit or in ValidationSet, or set the patience to 0.");

        TorchNative.EnsureLoaded();
        using var channel = _host.Start("Training");
        var device = HostEnvironment.DeviceOf(
            _host, _options.GpuDeviceId, _options.FallbackToCpu, line => channel.Warning(MessageSensitivity.None, "{0}", line));
        var backbone = BackboneLibrary.Open(_options.Backbone, device);
        try
        {
            return new PTuningV2Transformer(Learn(input, validation, backbone, device, channel));
        }
        catch
        {
            backbone.Lease.Dispose();
            throw;
        }
    }

    private PromptModel Learn(IDataView input, IDataView? validation, OpenBackbone backbone, Device device, IChannel channel)
    {
        RefuseMisfit(backbone);
        var task = _task.ForData(input);
        var training = Read(input, task, backbone, "training");
        task = task.ForTargets(training);
        if (validation is not null)
            task.CheckValidation(validation);
        var judged = validation is null ? null : Read(validation, task, backbone, "validation");

        var shards = ShardsOn(device);
        var seed = _options.Seed ?? HostEnvironment.SeedOf(_host) ?? Random.Shared.Next();
        Log($"{training.Examples.Count} training rows ({training.Skipped} without a label skipped, "
            + $"{training.Truncated} longer than {task.MaxLength} tokens truncated), seed {seed}, {shards} shards, {device}.");

        var network = new PromptNetwork(_options.Method.Over(backbone.Lease.Backbone), task.Head);
        var loop = new TrainingLoop(network, task, _options.Settings(seed, shards, Log, CheckCancelled), backbone.Lease.Tokenizer.PadId, device);
        var (tensors, summary) = SingleCoreThread.Run("P-Tuning training", () => loop.Run(training, judged));
        try
        {
            foreach (var warning in summary.Warnings)
                channel.Warning(MessageSensitivity.None, "{0}", warning);
            return new PromptModel(task, _options.Method, backbone, tensors, summary, device);
        }
        catch
        {
            tensors.Dispose();
            throw;
        }

        void Log(string line) => channel.Info(MessageSensitivity.None, "{0}", line);
    }

    // One a core, but not so many that a shard has too few rows to be worth a core.
    private int ShardsOn(Device device) =>
        device.type != DeviceType.CPU ? 1
        : _options.Shards > 0 ? _options.Shards
        : Math.Clamp(_options.BatchSize / 4, 1, Environment.ProcessorCount);

    private ExampleSet Read(IDataView data, PromptTask task, OpenBackbone backbone, string kind)
    {
        var rows = ExampleSet.Read(data, task, backbone.Lease.Tokenizer, CheckCancelled);
        return rows.Examples.Count > 0
            ? rows
            : throw new InvalidOperationException(
                $"There are no {kind} rows: {rows.Skipped} rows were read and all lack a value in label column '{task.LabelColumns[0].Name}'. "
                + "Check the data, and the mapping of the label.");
    }

    private void RefuseMisfit(OpenBackbone backbone)
    {
        var lease = backbone.Lease;
        if ((_options.Method.FindMisfit(lease.Backbone, _options.MaxLength) ?? _task.FindMisfit(lease.Tokenizer)) is { } misfit)
            throw new InvalidOperationException($"The options do not fit '{backbone.Reference.Name}': {misfit}");
    }

    private void CheckCancelled()
    {
        _options.CancellationToken.ThrowIfCancellationRequested();
        HostEnvironment.CheckCancelled(_host);
    }
}
