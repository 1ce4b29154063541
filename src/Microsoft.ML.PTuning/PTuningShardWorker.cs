using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Encoders;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Training;
using Microsoft.ML.PTuning.Training.Distributed;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning;

/// <summary>Computes shards of a training that runs in another process. It holds the encoder, and no state between shards.</summary>
/// <remarks>
/// It computes on the CPU, a shard per core, and may be used from any number of threads. The encoder is found as a loaded model finds its own
/// (<see cref="PTuningContext.SetPTuningBackboneDirectory"/>) and shared with the models of the process.
/// </remarks>
public sealed class PTuningShardWorker : IDisposable
{
    private readonly ShardTraining _training;
    private readonly OpenBackbone _backbone;
    private readonly PromptNetwork[] _networks;

    private PTuningShardWorker(ShardTraining training, OpenBackbone backbone)
    {
        (_training, _backbone) = (training, backbone);
        _networks = [.. training.Tasks.Select(task => new PromptNetwork(task.Method.Adapt(backbone.Lease.Backbone), task.Task.Head))];
    }

    /// <summary>Prepares to compute shards of a training.</summary>
    /// <param name="mlContext">The context, which may say where the encoder is.</param>
    /// <param name="training"><see cref="ShardWork.Training"/>.</param>
    /// <exception cref="FormatException">The bytes describe no training, or come from another version of the library.</exception>
    /// <exception cref="DirectoryNotFoundException">The encoder is not on this machine.</exception>
    /// <example>
    /// <code>
    /// using var worker = PTuningShardWorker.Open(mlContext, work.Training);
    /// ReadOnlyMemory&lt;byte&gt; result = worker.Compute(work.Values, work.Rows);
    /// </code>
    /// </example>
    public static PTuningShardWorker Open(MLContext mlContext, ReadOnlyMemory<byte> training)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        TorchNative.EnsureLoaded();
        var described = ShardTraining.Read(training.Span);
        var reference = described.Tasks[0].Backbone;
        var location = BackboneLibrary.Find(reference, HostEnvironment.BackboneDirectoryOf(mlContext));
        var backbone = BackboneLibrary.Open(
            location, reference, CPU, described.Precision, withLanguageHead: described.Tasks.Any(task => task.Task.NeedsLanguageHead));
        try
        {
            return new PTuningShardWorker(described, backbone);
        }
        catch
        {
            backbone.Lease.Dispose();
            throw;
        }
    }

    /// <summary>Computes a shard and waits for it.</summary>
    /// <param name="values"><see cref="ShardWork.Values"/>.</param>
    /// <param name="rows"><see cref="ShardWork.Rows"/>.</param>
    /// <returns>Gradients, losses and outputs, for <c>Fit</c>.</returns>
    /// <exception cref="FormatException">The bytes are no rows.</exception>
    /// <exception cref="InvalidDataException">The values do not fit the training.</exception>
    /// <example>
    /// <code>
    /// using var worker = PTuningShardWorker.Open(mlContext, work.Training);
    /// ReadOnlyMemory&lt;byte&gt; result = worker.Compute(work.Values, work.Rows);
    /// </code>
    /// </example>
    public ReadOnlyMemory<byte> Compute(ReadOnlyMemory<byte> values, ReadOnlyMemory<byte> rows)
    {
        var shard = ShardRows.Read(rows.Span);
        if (shard.Task < 0 || shard.Task >= _networks.Length)
            throw new FormatException($"The shard is of task {shard.Task + 1}, but the training has {_networks.Length}. Expected the rows of the same training.");

        byte[] result = [];
        WorkerThreads.Shared.Run(1, _ => result = Differentiate(values, shard)); // On a thread whose operations stay on one core, as in the process that trains.
        return result;
    }

    /// <summary>Gives the encoder back.</summary>
    public void Dispose() => _backbone.Lease.Dispose();

    private byte[] Differentiate(ReadOnlyMemory<byte> values, ShardRows shard)
    {
        using var scope = NewDisposeScope();
        using var leaves = ReadValues(values, shard.Task);
        using var generator = new Generator();
        generator.set_state(tensor(shard.Generator));
        var gradients = new ShardGradients(
            _training.Tasks[shard.Task].Task, _networks[shard.Task], _training.Settings, _backbone.Lease.Tokenizer.PadId, CPU);
        var lossScale = shard.LossScale is { } factor ? new LossScale { Factor = factor } : null;
        var (losses, outputs) = (new List<double>(), new List<Tensor>());
        foreach (var piece in gradients.Compute(shard.Parts, leaves, ShardGradients.DropoutOf(_training.Settings, generator), shard.Weight, lossScale))
        {
            using (piece)
            {
                losses.Add(piece.ReadLoss());
                outputs.Add(piece.CopyOutputs());
            }
        }

        return new ShardResult(
            losses, outputs, [.. leaves.Where(leaf => leaf.Value.grad is not null).Select(leaf => (leaf.Key, leaf.Value.grad!))],
            RandomStreams.StateOf(generator)).ToBytes();
    }

    private TrainedTensors ReadValues(ReadOnlyMemory<byte> values, int task)
    {
        using var file = SafetensorsFile.ReadInPlace(new MemoryStream(values.ToArray(), 0, values.Length, writable: false, publiclyVisible: true), "the shard's values");
        var expected = _networks[task].Head.Declare(_backbone.Lease.Backbone).Select(tensor => (tensor.Name, tensor.Shape))
            .Concat(_training.Tasks[task].Method.Declare(_backbone.Lease.Backbone).Select(tensor => (tensor.Name, tensor.Shape)))
            .ToDictionary(tensor => tensor.Name, tensor => tensor.Shape);
        if (expected.Count != file.Entries.Count
            || file.Entries.Values.FirstOrDefault(found => !expected.TryGetValue(found.Name, out var shape) || !shape.SequenceEqual(found.Shape)) is not null)
        {
            throw new InvalidDataException(
                $"The shard's values are {string.Join(", ", file.Entries.Values.Select(found => $"{found.Name} {found}"))}; expected "
                + $"{string.Join(", ", expected.Select(tensor => $"{tensor.Key} {TensorDeclaration.Format(tensor.Value)}"))}, as of the same training.");
        }

        using var scope = NewDisposeScope();
        var leaves = new TrainedTensors();
        foreach (var name in expected.Keys)
            leaves.Add(name, file.Load(name).requires_grad_());
        return leaves;
    }
}
