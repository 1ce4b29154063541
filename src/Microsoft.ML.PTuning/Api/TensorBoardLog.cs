using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Interop;
using TorchSharp;
using TorchSharp.Modules;

namespace Microsoft.ML.PTuning;

/// <summary>Writes a training's loss, learning rate and metrics as events that TensorBoard shows: <see cref="TrainingOptions.Progress"/>.</summary>
/// <remarks>
/// <para>
/// Loss (<c>train/loss</c>) and <c>train/learning_rate</c> are written after each step, the metrics (such as <c>train/accuracy</c> and
/// <c>validation/accuracy</c>) after each epoch, under the epoch's number. Training reports no step after its last epoch: <see cref="Complete"/> writes
/// what is left. In multi-task learning, names begin with the task's.
/// </para>
/// <para>One log serves one training. If the folder cannot be written any more, training goes on, and <see cref="Complete"/> says so.</para>
/// </remarks>
public sealed class TensorBoardLog : IProgress<TrainingProgress>
{
    private readonly SummaryWriter _writer;
    private readonly Dictionary<string, int> _epochs = []; // The last one written, by task.
    private readonly string _folder;
    private Exception? _failure; // The first one.

    /// <summary>Makes a log.</summary>
    /// <param name="folder">Gets the events; it is made if it is not there.</param>
    /// <exception cref="DllNotFoundException">The application has no native backend of TorchSharp that loads on this machine.</exception>
    /// <example>
    /// <code>
    /// var log = new TensorBoardLog("runs/tickets"); // tensorboard --logdir runs
    /// var model = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
    /// {
    ///     Sentence1ColumnName = "Text",
    ///     Progress = log,
    /// }).Fit(trainingRows);
    /// log.Complete(model.Summary!);
    /// </code>
    /// </example>
    public TensorBoardLog(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        TorchNative.EnsureLoaded(); // Events have check numbers, which native code computes.
        Directory.CreateDirectory(folder);
        _folder = folder;
        _writer = torch.utils.tensorboard.SummaryWriter(folder, createRunName: false);
    }

    /// <summary>Writes a step, and the metrics of the epoch before if it is the first of its epoch. A trainer calls it.</summary>
    /// <example>
    /// <code>
    /// options.Progress = new TensorBoardLog("runs/tickets"); // Its Report is called after every step.
    /// </code>
    /// </example>
    public void Report(TrainingProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        Write(value.Task, "train/loss", value.Loss, value.Step);
        Write(value.Task, "train/learning_rate", value.LearningRate, value.Step);
        if (value.Metric is { } metric && IsNew(value.Task, value.Epoch - 1))
            WriteMetrics(value.Task, value.Epoch - 1, value.MetricName, metric, value.ValidationMetric);
    }

    /// <summary>Writes the validation losses, and the metrics of the epochs that <see cref="Report"/> has not written: the last one.</summary>
    /// <param name="task">The name of the task that the summary is of, in multi-task learning; else null.</param>
    /// <exception cref="IOException">Events could not be written, now or during training.</exception>
    /// <example>
    /// <code>
    /// log.Complete(model.Summary!);
    /// </code>
    /// </example>
    public void Complete(TrainingSummary summary, string? task = null)
    {
        ArgumentNullException.ThrowIfNull(summary);
        foreach (var epoch in summary.Epochs)
        {
            if (epoch.ValidationLoss is { } loss)
                Write(task, "validation/loss", loss, epoch.Epoch);
            if (IsNew(task, epoch.Epoch))
                WriteMetrics(task, epoch.Epoch, epoch.MetricName, epoch.Metric, epoch.ValidationMetric);
        }
        if (_failure is not null)
            throw new IOException($"The events in '{_folder}' are not complete: {_failure.Message}", _failure);
    }

    private void WriteMetrics(string? task, int epoch, string name, double trained, double? validated)
    {
        Write(task, $"train/{name}", trained, epoch);
        if (validated is { } metric)
            Write(task, $"validation/{name}", metric, epoch);
    }

    private bool IsNew(string? task, int epoch)
    {
        if (_epochs.GetValueOrDefault(task ?? "") >= epoch)
            return false;

        _epochs[task ?? ""] = epoch;
        return true;
    }

    private void Write(string? task, string name, double value, int step)
    {
        if (_failure is not null)
            return;

        try
        {
            _writer.add_scalar(task is null ? name : $"{task}/{name}", (float)value, step);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException || FileSizeLimit.IsReason(e))
        {
            _failure = e; // Events must not end a training.
        }
    }
}
