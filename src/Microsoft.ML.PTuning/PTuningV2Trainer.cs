using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Training;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.PTuning;

/// <summary>Trains a text task on a frozen transformer encoder by P-Tuning v2: key and value prefixes in every layer, and a small head.</summary>
/// <remarks>
/// <para>Liu et al., "P-Tuning v2: Prompt Tuning Can Be Comparable to Fine-tuning Across Scales and Tasks", ACL 2022.</para>
/// <para>
/// The methods of <see cref="PTuningCatalog"/> create trainers of classes, numbers, tags, answers, choices and texts. Each method names its input columns
/// and its label; the output columns are those of ML.NET's own trainers. No normalisation is needed. Rows are tokenised once, so a cache speeds up
/// only the steps before the trainer. One trainer may be fitted on several threads at once. The same rows, options and number of cores give the same
/// model on the same machine; <see cref="TrainingOptions.Seed"/> is the seed of all random numbers.
/// </para>
/// <para>
/// <see cref="TrainingOptions.Method"/> chooses another method than P-Tuning v2: prompt tuning, LoRA, fine-tuning and others (see <see cref="TuningMethod"/>).
/// </para>
/// <para>
/// With a <see cref="TrainingOptions.CheckpointDirectory"/>, a training that was stopped goes on at the next <c>Fit</c>.
/// </para>
/// <para>
/// The encoder is <see cref="TrainingOptions.Backbone"/>, by default the encoder of the package that the application references. Nothing is downloaded
/// unless it is spelled <c>hf://organisation/name</c>.
/// </para>
/// </remarks>
/// <example>
/// Label: a key; Text: text.
/// <code>
/// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(sentence1ColumnName: "Text");
/// using PTuningV2Transformer model = trainer.Fit(tickets);
/// var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(newTickets));
/// </code>
/// </example>
public sealed partial class PTuningV2Trainer : IEstimator<PTuningV2Transformer>
{
    private readonly IHostEnvironment _environment;
    private readonly IHost _host;
    private readonly Options _options;
    private readonly PromptTask _task;
    private readonly JobLimit? _limit;

    internal PTuningV2Trainer(IHostEnvironment environment, Options options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        _options = options.Copy(); // What the caller changes later was not checked.
        _task = _options.ToTask();
        _task.CheckNames();
        (_environment, _host) = (environment, environment.Register(nameof(PTuningV2Trainer)));
        _limit = JobLimit.Of(environment);
    }

    /// <summary>What this training shares with others on the same rows; null for nothing.</summary>
    internal SharedRows? Shared { get; init; }

    /// <summary>Trains on <paramref name="input"/>, and validates on <see cref="Options.ValidationSet"/> if there is one.</summary>
    /// <returns>The model; dispose it to free its memory.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidOperationException">
    /// Nothing can be learned from these rows, no language model is named to write with, training diverged, <see cref="Options.InitialModel"/> has another
    /// encoder or method, or <see cref="TrainingOptions.CheckpointDirectory"/> holds another training.
    /// </exception>
    /// <exception cref="ObjectDisposedException"><see cref="Options.InitialModel"/> has been disposed.</exception>
    /// <exception cref="DirectoryNotFoundException">The encoder is not on this machine.</exception>
    /// <exception cref="HttpRequestException">The hub of an <c>hf://</c> address cannot be reached, or refuses.</exception>
    /// <exception cref="OperationCanceledException">Training was cancelled.</exception>
    /// <exception cref="FileNotFoundException">The backbone's folder lacks a file.</exception>
    /// <exception cref="IOException"><see cref="TrainingOptions.CheckpointDirectory"/> cannot be written, or another training uses it.</exception>
    /// <exception cref="InvalidDataException">The backbone's files are damaged, of no supported family, or do not belong together.</exception>
    /// <exception cref="DllNotFoundException">The application has no native backend of TorchSharp that loads on this machine.</exception>
    /// <example>
    /// <code>
    /// var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(sentence1ColumnName: "Text");
    /// using var model = trainer.Fit(tickets);
    /// Console.WriteLine(model.Summary);
    /// </code>
    /// </example>
    public PTuningV2Transformer Fit(IDataView input) => Train(input, _options.ValidationSet);

    /// <summary>Trains on <paramref name="input"/> and returns the weights of the epoch that is best on <paramref name="validation"/>.</summary>
    /// <returns>The model; dispose it to free its memory.</returns>
    /// <inheritdoc cref="Fit(IDataView)" path="/exception"/>
    /// <example>
    /// <code>
    /// var split = mlContext.Data.TrainTestSplit(tickets, testFraction: 0.2);
    /// using var model = trainer.Fit(split.TrainSet, split.TestSet);
    /// Console.WriteLine($"best epoch: {model.Summary?.BestEpoch}");
    /// </code>
    /// </example>
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
        TrainingSession.CheckColumns(_task, input, validation);
        if (validation is null && _options.EarlyStoppingPatience > 0)
            throw new InvalidOperationException(
                "EarlyStoppingPatience needs a validation set: give one to Fit or in ValidationSet, or set the patience to 0.");

        using var session = new TrainingSession(_host, _options) { Shared = Shared };
        var backbone = session.LeaseBackbone(_task);
        try
        {
            if (_options.InitialModel is { } initial)
                WarmStart.Check(initial.Model, backbone, _options.TrainedMethod);
            var task = session.Prepare(_task, input, validation, backbone);
            session.LogStart(task);
            return new PTuningV2Transformer(session.ToModel(task, Learn(task, session, backbone), backbone), _environment, _limit);
        }
        catch
        {
            backbone.Lease.Dispose();
            throw;
        }
    }

    private TrainingResult Learn(TrainingTask task, TrainingSession session, OpenBackbone backbone)
    {
        if (_options.InitialModel is { } initial)
            task = WarmStart.From(initial.Model, task, session.Device, session.Log);
        using var start = task.Start;
        return SingleCoreThread.Run(
            "P-Tuning training", () => session.Learn(task, session.SettingsFor([task]), backbone.Lease.Tokenizer.PadId));
    }
}
