using Microsoft.ML.PTuning.Checkpoints;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training.Distributed;

/// <summary>Has the shards of a training's steps computed by an <see cref="IShardComputer"/>.</summary>
internal sealed class RemoteShards(IShardComputer computer, ShardTraining training, CancellationToken cancellationToken)
{
    private readonly byte[] _training = training.ToBytes();
    private readonly string _id = Guid.NewGuid().ToString("N");
    private int _step;

    /// <summary>Computes the shards of a batch. Gradients go to the leaves, outputs to <paramref name="started"/>, dropout moves on.</summary>
    /// <param name="local">Computes the same here.</param>
    /// <param name="task">Its place among the training's tasks.</param>
    /// <param name="values">What the method and the head are now.</param>
    public void Differentiate(
        ShardGradients local, int task, IReadOnlyList<ExamplePart[]> shards, TrainedTensors values, TrainedTensors[] leaves,
        IReadOnlyList<Generator> generators, double weight, double? lossScale, StartedStep started)
    {
        _step++;
        var tensors = Pack(values);
        var running = shards.Select((shard, i) => computer.ComputeAsync(
            new ShardWork
            {
                TrainingId = _id,
                Training = _training,
                Step = _step,
                Shard = i,
                Shards = shards.Count,
                Values = tensors,
                Rows = new ShardRows(task, weight, lossScale, RandomStreams.StateOf(generators[i]), shard).ToBytes(),
            }, cancellationToken)).ToArray();
        ReadOnlyMemory<byte>[] results = [];
        ProcessEnd.WaitFor(() => results = Task.WhenAll(running).GetAwaiter().GetResult()); // The training thread has nothing else to do.

        using var scope = NewDisposeScope();
        for (var i = 0; i < shards.Count; i++)
        {
            ExamplePart[][] pieces = [.. local.MicroBatches(shards[i])];
            var result = ShardResult.Read(results[i].ToArray(), pieces.Length, leaves[i]);
            foreach (var (name, gradient) in result.Gradients)
                leaves[i][name].grad = gradient;
            for (var piece = 0; piece < pieces.Length; piece++)
                started.Keep(i, new BatchOutputs(result.Outputs[piece], tensor(result.Losses[piece]), pieces[piece], local.Network.Head.IsPerToken));
            generators[i].set_state(tensor(result.Generator));
        }
    }

    private static byte[] Pack(TrainedTensors values)
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, [.. values.Select(value => (value.Key, value.Value))]);
        return stream.ToArray();
    }
}
