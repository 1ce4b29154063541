using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Batching;
using Microsoft.ML.PTuning.Prompts;
using Microsoft.ML.PTuning.Scoring;
using Microsoft.ML.PTuning.Tasks;
using TorchSharp;
using static TorchSharp.torch;
using Dropout = Microsoft.ML.PTuning.Backbones.Dropout;

namespace Microsoft.ML.PTuning.Training;

/// <summary>What a step did.</summary>
/// <param name="Loss">Mean loss over the batch.</param>
/// <param name="Outputs">The head's numbers of each row, in the batch's order.</param>
internal sealed record StepResult(double Loss, IReadOnlyList<float[]> Outputs);

/// <summary>The parameters of prefix and head, and the steps that change them: AdamW with clipped gradients (Loshchilov &amp; Hutter 2019).</summary>
/// <remarks>
/// The prefix is computed once a step. Each shard of the batch differentiates in leaves of its own; their gradients are summed in a fixed
/// order, so that the bits depend on the seed and the number of shards, not on the threads.
/// </remarks>
internal sealed class PromptOptimizer : IDisposable
{
    private readonly PromptNetwork _network;
    private readonly PromptTask _task;
    private readonly TrainingSettings _settings;
    private readonly int _padId;
    private readonly Device _device;
    private readonly PrefixParameters? _prefix;
    private readonly IReadOnlyDictionary<string, Tensor> _head;
    private readonly AdamW _optimizer;
    private readonly Generator[] _generators;
    private readonly TrainingDropout[] _dropout;

    /// <param name="prefix">Null for none. The optimizer takes over prefix and head.</param>
    public PromptOptimizer(
        PromptNetwork network, PromptTask task, TrainingSettings settings, PrefixParameters? prefix, IReadOnlyDictionary<string, Tensor> head,
        int padId, Device device)
    {
        (_network, _task, _settings, _prefix, _head, _padId, _device) = (network, task, settings, prefix, head, padId, device);
        Parameters = [.. prefix?.Parameters ?? [], .. head.Values];
        foreach (var parameter in Parameters)
            parameter.requires_grad_().DetachFromDisposeScope();
        _optimizer = new AdamW(Parameters, settings.WeightDecay);
        _generators = [.. DropoutSeeds(settings.Seed, settings.Shards).Select(seed => new Generator(seed))];
        _dropout = [.. _generators.Select(g => new TrainingDropout(
            new Dropout(settings.PrefixDropout, g),
            new Dropout(settings.HeadDropout, g),
            settings.BackboneDropout > 0 ? new Dropout(settings.BackboneDropout, g) : null))];
    }

    /// <summary>Everything that is trained.</summary>
    public IReadOnlyList<Tensor> Parameters { get; }

    /// <summary>A seed a shard; drawn, because seeds in a row would be those of other runs too.</summary>
    public static IReadOnlyList<ulong> DropoutSeeds(int seed, int shards)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, shards).Select(_ => (ulong)random.NextInt64())];
    }

    /// <summary>Prefix and head as they stand, sharing the parameters' storage where there is no reparameterisation.</summary>
    public TrainedTensors Current()
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        return Assemble(_prefix?.Values());
    }

    /// <summary>Whether prefix and head hold no NaN and nothing infinite.</summary>
    public bool IsFinite()
    {
        using var scope = NewDisposeScope();
        using var current = Current();
        return current.All(tensor => tensor.Value.isfinite().all().item<bool>());
    }

    /// <param name="batch">Rows, longest first.</param>
    public StepResult Step(IReadOnlyList<Example> batch, double learningRate)
    {
        using var scope = NewDisposeScope();
        _optimizer.ClearGradients();

        var values = _prefix?.Values(); // [P, L', 2, h, D]
        using var current = Assemble(values?.detach());
        var shards = BatchPlanner.Split([.. batch.Select(e => e.Row.Length)], _settings.Shards);
        var leaves = shards.Select(_ => current.ToLeaves()).ToArray();
        try
        {
            var result = Differentiate(batch, shards, leaves);
            AssignGradients(leaves, values);
            if (_settings.MaxGradientNorm > 0)
                _optimizer.ClipGradients(_settings.MaxGradientNorm);
            _optimizer.Step(learningRate);
            return result;
        }
        finally
        {
            foreach (var leaf in leaves)
                leaf.Dispose();
        }
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _prefix?.Dispose();
        foreach (var parameter in _head.Values)
            parameter.Dispose();
        foreach (var generator in _generators)
            generator.Dispose();
    }

    private TrainedTensors Assemble(Tensor? prefix)
    {
        var tensors = new TrainedTensors();
        if (prefix is not null)
            tensors.Add(TrainedTensors.Prefix, prefix);
        foreach (var (name, parameter) in _head)
            tensors.Add(name, parameter.detach());
        return tensors;
    }

    private StepResult Differentiate(IReadOnlyList<Example> batch, IReadOnlyList<Range> shards, TrainedTensors[] leaves)
    {
        var weight = _task.LossWeight(batch);
        var losses = new double[shards.Count];
        var outputs = new float[shards.Count][][];
        if (_device.type != DeviceType.CPU)
            Run(0);
        else
            WorkerThreads.Shared.Run(shards.Count, Run);
        return new StepResult(losses.Sum(), [.. outputs.SelectMany(rows => rows)]);

        void Run(int shard)
        {
            using var scope = NewDisposeScope();
            var (start, count) = shards[shard].GetOffsetAndLength(batch.Count);
            Example[] rows = [.. batch.Skip(start).Take(count)];
            var encoded = EncodedRow.Collate([.. rows.Select(e => e.Row)], _padId, _device, _settings.PadToLength);
            var result = _network.Forward(encoded, leaves[shard], _dropout[shard]);
            var loss = _task.Loss(result, rows).Over(weight);
            loss.backward();
            losses[shard] = loss.item<float>();
            outputs[shard] = Predictor.ToRows(result);
        }
    }

    private void AssignGradients(TrainedTensors[] leaves, Tensor? values)
    {
        foreach (var name in leaves[0].Names)
        {
            var sum = leaves[0][name].grad!;
            using (no_grad())
                foreach (var other in leaves.Skip(1))
                    sum.Add(other[name].grad!);

            if (name == TrainedTensors.Prefix)
                values!.backward([sum]);
            else
                _head[name].grad = sum;
        }
    }
}
