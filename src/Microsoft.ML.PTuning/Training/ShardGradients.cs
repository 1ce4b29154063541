using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training;

/// <summary>Computes the gradients of a part of a batch, here or in another process: the same numbers, the same bits.</summary>
/// <param name="Settings">Which dropout there is, how rows are padded, and whether activations are recomputed.</param>
/// <param name="Trunk">The cached output of the layers that the method does not change; null to compute it.</param>
internal sealed record ShardGradients(
    PromptTask Task, PromptNetwork Network, TrainingSettings Settings, int PadId, Device Device, ITrunkCache? Trunk = null)
{
    /// <summary>The dropout of a shard.</summary>
    /// <param name="generator">The shard's own.</param>
    public static TrainingDropout DropoutOf(TrainingSettings settings, Generator generator) => new(
        new Dropout(settings.PrefixDropout, generator),
        new Dropout(settings.HeadDropout, generator),
        settings.BackboneDropout > 0 ? new Dropout(settings.BackboneDropout, generator) : null);

    /// <summary>Adds a shard's gradients to those of the leaves, piece after piece.</summary>
    /// <param name="weight">What the loss of the whole batch is divided by.</param>
    /// <returns>The outputs of each piece; it is computed when it is asked for.</returns>
    public IEnumerable<BatchOutputs> Compute(
        IReadOnlyList<ExamplePart> shard, TrainedTensors leaves, TrainingDropout dropout, double weight, LossScale? lossScale)
    {
        foreach (var microBatch in MicroBatches([.. shard]))
        {
            yield return Differentiate(microBatch, leaves, dropout, weight, lossScale);
            WorkerThreads.RunUrgent();
        }
    }

    /// <summary>The pieces of a shard that are computed one after the other: one on a GPU, pieces of few tokens on a core.</summary>
    public IEnumerable<ExamplePart[]> MicroBatches(ExamplePart[] shard) => Device.type != DeviceType.CPU
        ? [shard]
        : BatchPlanner.SplitForCore([.. shard.Select(PaddedTokens)]).Select(range => shard[range]);

    private BatchOutputs Differentiate(
        IReadOnlyList<ExamplePart> parts, TrainedTensors leaves, TrainingDropout dropout, double weight, LossScale? lossScale)
    {
        using var scope = NewDisposeScope();
        var encoded = EncodedRow.Collate([.. parts.SelectMany(p => p.Sequences)], PadId, Device, Settings.PadToLength, Trunk)
            with { BetweenLayers = WorkerThreads.RunUrgent };
        RecomputedLayers? recomputed = null;
        var result = Settings.RecomputeActivations
            ? Network.ForwardToRecompute(encoded, leaves, dropout, out recomputed)
            : Network.Forward(encoded, leaves, dropout);
        var loss = Task.Loss(result, parts).DividedBy(weight);
        WorkerThreads.RunUrgent();
        (lossScale?.Apply(loss) ?? loss).backward();
        recomputed?.Backward();
        return new(result, loss, parts, Network.Head.IsPerToken);
    }

    private int PaddedTokens(ExamplePart part) =>
        (Math.Max(part.Length, Settings.PadToLength) + Network.Encoder.Method.InsertedTokens) * part.Sequences.Count * Network.Encoder.Method.Copies;
}
