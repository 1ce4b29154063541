using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>What P-Tuning is an alternative to: every weight of the encoder is trained, by AdamW. No prefix, no dropout.</summary>
internal sealed class OfficialFineTuning : IDisposable
{
    private const double LearningRate = 2e-5;

    private readonly UntrainedModel _model;
    private readonly FrozenTensors _weights;
    private readonly Backbone _backbone;
    private readonly TrainedTensors _head;
    private readonly int _shards;
    private readonly bool _isLean;
    private readonly AdamW[] _optimizers;

    /// <param name="model">Gives task and head; the encoder is loaded anew.</param>
    /// <param name="encoder">The encoder's folder.</param>
    /// <param name="threads">
    /// Null as torch does it by itself: a batch is one computation, whose operations are spread over the calling thread's threads. Else with all that
    /// this library does for its own steps: a shard a worker thread, in micro-batches, of which the last layer computes the first token alone, and
    /// AdamW spread over the same threads; all gradients are added up in one place.
    /// </param>
    public OfficialFineTuning(UntrainedModel model, string encoder, int? threads = null)
    {
        (_model, _isLean, _shards) = (model, threads is not null, threads ?? 1);
        var configuration = BackboneConfiguration.Read(encoder);
        var family = BackboneFamilies.Find(configuration.ModelType)!;
        var declared = family.Declare(configuration);
        using (var checkpoint = CheckpointFiles.Find(encoder).Open())
            _weights = FrozenTensors.Load(checkpoint, family.Keys, declared, CPU); // Mapped copy-on-write: steps do not reach the file.
        _backbone = family.Create(configuration, _weights);
        _head = new();
        foreach (var (name, tensor) in model.NewHead())
            _head.Add(name, tensor);

        Tensor[] trained = [.. declared.Select(tensor => _weights[tensor.Name]), .. _head.Select(tensor => tensor.Value)];
        foreach (var tensor in trained)
            tensor.requires_grad_();
        _optimizers = [.. InEqualParts(trained, _shards).Select(part => new AdamW(part, weightDecay: 0))];
    }

    /// <param name="batch">What to learn from, longest first.</param>
    public void Step(IReadOnlyList<ExamplePart> batch)
    {
        ForgetGradients();
        Each(BatchPlanner.Split([.. batch.Select(part => part.Tokens)], _shards), shard =>
        {
            var (start, count) = shard.GetOffsetAndLength(batch.Count);
            ExamplePart[] parts = [.. batch.Skip(start).Take(count)];
            foreach (var range in _isLean ? BatchPlanner.SplitForCore([.. parts.Select(part => part.Tokens)]) : [Range.All])
                Differentiate(parts[range], batch.Count);
        });
        AdamW.ClipGradients(_optimizers.SelectMany(optimizer => optimizer.Parameters), maxNorm: 1);
        Each(_optimizers, optimizer => optimizer.Step(LearningRate));
    }

    public void Dispose()
    {
        foreach (var optimizer in _optimizers)
            optimizer.Dispose();
        _head.Dispose();
        _backbone.Dispose();
    }

    private void Differentiate(IReadOnlyList<ExamplePart> parts, int batchSize)
    {
        using var scope = NewDisposeScope();
        var encoded = EncodedRow.Collate([.. parts.SelectMany(part => part.Sequences)], _model.PadId, CPU);
        var embedded = _backbone.Embed(encoded, positionOffset: 0);
        var hidden = _backbone.RunLayers(embedded, encoded, tuning: null, 0, _backbone.Configuration.Layers, sentenceTokenOnly: _isLean);
        var outputs = _model.Task.Head.Forward(_backbone, hidden, encoded, _head, Tuning.None, dropout: null);
        _model.Task.Loss(outputs, parts).DividedBy(batchSize).backward(); // Threads may add to one tensor's gradient at once.
    }

    /// <summary>As torch's <c>zero_grad</c> does: where there are none, the first that come are taken as they are, and none is in memory before.</summary>
    private void ForgetGradients()
    {
        foreach (var parameter in _optimizers.SelectMany(optimizer => optimizer.Parameters))
        {
            parameter.grad?.Dispose();
            parameter.grad = null;
        }
    }

    // One stays on this thread: a worker has but one core.
    private static void Each<T>(IReadOnlyList<T> items, Action<T> action)
    {
        if (items.Count == 1)
            action(items[0]);
        else
            WorkerThreads.Shared.Run(items.Count, i => action(items[i]));
    }

    private static IEnumerable<Tensor[]> InEqualParts(IEnumerable<Tensor> tensors, int parts)
    {
        var filled = Enumerable.Range(0, parts).Select(_ => new List<Tensor>()).ToArray();
        foreach (var tensor in tensors.OrderByDescending(tensor => tensor.numel()))
            filled.MinBy(part => part.Sum(other => other.numel()))!.Add(tensor);
        return filled.Where(part => part.Count > 0).Select(part => part.ToArray());
    }
}
