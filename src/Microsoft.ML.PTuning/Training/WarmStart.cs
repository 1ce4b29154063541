using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training;

/// <summary>Starts training from a model: from its method's tensors, and from its head if the model learned the same task.</summary>
internal static class WarmStart
{
    private const string Weight = "head.weight", Bias = "head.bias";

    /// <summary>Checks that training can start from the model.</summary>
    /// <exception cref="InvalidOperationException">It stands on another encoder, or was trained by another method.</exception>
    /// <exception cref="ObjectDisposedException">It has been disposed.</exception>
    public static void Check(PromptModel model, OpenBackbone backbone, TuningMethod method) =>
        model.Use(_ =>
        {
            RefuseOtherEncoder(model.Reference, backbone);
            RefuseOtherMethod(method, model.Method, backbone.Lease.Backbone);
        });

    /// <summary>The task, with the model's tensors as first values.</summary>
    /// <param name="log">Receives a line that says what is taken over.</param>
    /// <returns>The task with copies of the tensors, which the caller disposes.</returns>
    /// <exception cref="ObjectDisposedException">The model has been disposed.</exception>
    public static TrainingTask From(PromptModel model, TrainingTask task, Device device, Action<string> log)
    {
        string? difference = null;
        var method = model.Method.Declare(task.Network.Encoder.Backbone);
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var start = new TrainedTensors();
        try
        {
            model.Use(tensors =>
            {
                difference = FindDifference(model.Task, tensors, task);
                foreach (var (name, tensor) in tensors)
                    if (difference is null || method.Any(tensor => tensor.Name == name))
                        start.Add(name, tensor.detach().to(device).clone());
            });
            if (difference is null && model.Task is TextRegression before && task.Task is TextRegression after)
                Rescale(start, before, after);
        }
        catch
        {
            start.Dispose();
            throw;
        }

        var taken = method.Count == 0 ? "the encoder as it is" : model.Method is DeepPrefix ? "its prefix" : "what its method trained";
        log($"Training starts from the InitialModel: {taken} "
            + (task.Network.Head.Declare(task.Network.Encoder.Backbone).Count == 0 ? "is taken over; the head has nothing that is trained."
                : difference is null ? "and its head are taken over."
                : $"is taken over; the head starts fresh, because {difference}."));
        return task with { Start = start };
    }

    private static void RefuseOtherEncoder(BackboneReference expected, OpenBackbone backbone)
    {
        var lease = backbone.Lease;
        string[] differences = [.. expected.Differences(lease.Backbone.Configuration), .. expected.Differences(lease.Directory, Fingerprint.Shared)];
        if (differences.Length > 0)
            throw new InvalidOperationException(
                $"The InitialModel stands on another encoder, {expected}. Found '{backbone.Reference.Name}' in '{lease.Directory}': "
                + $"{string.Join("; ", differences)}. Set Backbone to the encoder of the InitialModel.");
    }

    private static void RefuseOtherMethod(TuningMethod found, TuningMethod expected, Backbone backbone)
    {
        var differences = found.DifferencesFrom(expected, backbone);
        if (differences.Count > 0)
            throw new InvalidOperationException(
                $"The InitialModel was trained otherwise: {string.Join("; ", differences)}. Set the options as expected.");
    }

    private static string? FindDifference(PromptTask learned, TrainedTensors tensors, TrainingTask task)
    {
        if (learned.GetType() != task.Task.GetType())
            return "the InitialModel learned a task of another kind";
        if (learned.Classes is { } earlier && task.Task.Classes is { } classes && !classes.IsSameAs(earlier))
            return $"the classes are others, or in another order ({classes.Count}; the InitialModel has {earlier.Count})";

        if (learned.Head.GetType() != task.Network.Head.GetType())
            return "the InitialModel has a head of another kind";

        var backbone = task.Network.Encoder.Backbone;
        if (learned.Head is SentenceHead before && task.Network.Head is SentenceHead after && before.PoolingOver(backbone) != after.PoolingOver(backbone))
            return $"the InitialModel pools in another way ({before.PoolingOver(backbone)}; now {after.PoolingOver(backbone)})";

        var head = task.Network.Head.Declare(backbone);
        return head.All(t => tensors.Contains(t.Name) && tensors[t.Name].shape.SequenceEqual(t.Shape))
            ? null
            : "that of the InitialModel has another shape";
    }

    // The head learns standardised targets. Rescaled, it predicts the same numbers as before in the scale of the new rows.
    private static void Rescale(TrainedTensors head, TextRegression before, TextRegression after)
    {
        using Scalar scale = before.TargetDeviation / after.TargetDeviation;
        using Scalar shift = (before.TargetMean - after.TargetMean) / after.TargetDeviation;
        using Scalar one = 1;
        head[Weight].mul_(scale);
        head[Bias].mul_(scale).add_(shift, one);
    }
}
