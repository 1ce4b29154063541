using System.Text.Json;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training.Distributed;

/// <summary>A task of a training, by what other processes find or make again.</summary>
internal sealed record ShardTask(PromptTask Task, TuningMethod Method, BackboneReference Backbone);

/// <summary>What other processes must know of a training, once: its tasks, its method, its encoder and its settings.</summary>
/// <param name="Tasks">One, or those that share a method's parameters. No tensors.</param>
/// <param name="Precision">The type of number in which the encoder is computed.</param>
/// <param name="Settings">Those that gradients depend on.</param>
internal sealed record ShardTraining(IReadOnlyList<ShardTask> Tasks, BackbonePrecision Precision, TrainingSettings Settings)
{
    /// <summary>Raised when the messages change: both sides must be of one version.</summary>
    private const int CurrentVersion = 1;

    private static readonly JsonSerializerOptions Json = StateJson.Options();

    /// <param name="tasks">Their encoder is known.</param>
    public static ShardTraining Of(IReadOnlyList<TrainingTask> tasks, TrainingSettings settings) => new(
        [.. tasks.Select(task => new ShardTask(task.Task, task.Network.Encoder.Method, task.Encoder!))],
        tasks[0].Network.Encoder.Backbone.ElementType switch
        {
            ScalarType.Float16 => BackbonePrecision.Float16,
            ScalarType.BFloat16 => BackbonePrecision.BFloat16,
            _ => BackbonePrecision.Float32,
        },
        settings);

    public byte[] ToBytes()
    {
        var settings = new GradientSettings(
            Settings.PrefixDropout, Settings.HeadDropout, Settings.BackboneDropout, Settings.PadToLength, Settings.RecomputeActivations);
        return JsonSerializer.SerializeToUtf8Bytes(new Message(CurrentVersion, Tasks, Precision, settings), Json);
    }

    /// <exception cref="FormatException">The bytes are no such message, or one of another version.</exception>
    public static ShardTraining Read(ReadOnlySpan<byte> bytes)
    {
        try
        {
            var message = JsonSerializer.Deserialize<Message>(bytes, Json);
            if (message is not { Version: CurrentVersion, Tasks.Count: > 0 })
                throw new FormatException($"The training is described in version {message?.Version}; expected {CurrentVersion}. Use one version of the library everywhere.");

            var settings = message.Settings;
            return new(
                message.Tasks,
                message.Precision,
                new()
                {
                    LearningRate = 0, // Whoever trains makes the steps.
                    BatchSize = 1,
                    MaxEpochs = 1,
                    PrefixDropout = settings.PrefixDropout,
                    HeadDropout = settings.HeadDropout,
                    BackboneDropout = settings.BackboneDropout,
                    PadToLength = settings.PadToLength,
                    RecomputeActivations = settings.RecomputeActivations,
                });
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new FormatException($"The bytes do not describe a training: {e.Message} Expected ShardWork.Training.", e);
        }
    }

    private sealed record Message(int Version, IReadOnlyList<ShardTask> Tasks, BackbonePrecision Precision, GradientSettings Settings);

    private sealed record GradientSettings(double PrefixDropout, double HeadDropout, double BackboneDropout, int PadToLength, bool RecomputeActivations);
}
