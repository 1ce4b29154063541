using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Training;
using PretrainEncoder.Models;
using static TorchSharp.torch;

namespace PretrainEncoder.Training;

/// <summary>Steps that train all weights of a language model: AdamW with clipped gradients (Loshchilov &amp; Hutter 2019).</summary>
/// <remarks>
/// Each core computes the gradients of its shard of the batch, and they are summed in a fixed order: the bits depend on the seed and the number of cores.
/// </remarks>
internal sealed class Pretrainer : IDisposable
{
    private const double WeightDecay = 0.01, MaxGradientNorm = 1;

    private readonly FineTuning _method = new();
    private readonly Backbone _backbone;
    private readonly int _padId;
    private readonly TrainedTensors[] _shards;      // The same numbers, each with gradients of its own.
    private readonly string[][] _shares;            // The weights that each core's optimizer changes, by name.
    private readonly AdamW[] _optimizers;

    /// <param name="backbone">A language model, whose weights are the first ones. The caller keeps and disposes it.</param>
    public Pretrainer(Backbone backbone, int padId)
    {
        (_backbone, _padId) = (backbone, padId);
        using var weights = new TrainedTensors();
        foreach (var (name, value) in _method.Create(backbone, new FirstValues(Initializers.Zero, Initializers.Zero)).Values())
            weights.Add(name, value);
        _shards = [.. Enumerable.Range(0, WorkerThreads.Shared.Count).Select(_ => weights.ToLeaves())];
        _shares = Share(weights);
        _optimizers = [.. _shares.Select(names => new AdamW([.. names.Select(name => Weights[name])], WeightDecay))];
    }

    /// <summary>All weights, as they are now.</summary>
    public TrainedTensors Weights => _shards[0];

    /// <summary>Makes a step.</summary>
    /// <param name="batch">Longest rows first.</param>
    /// <param name="offset">The position of each row's first token.</param>
    /// <returns>The mean loss per word before the step.</returns>
    public double Step(IReadOnlyList<PretrainingRow> batch, int offset, double learningRate)
    {
        using var scope = NewDisposeScope();
        IReadOnlyList<Range> shards = BatchPlanner.Split([.. batch.Select(row => row.Text.Length)], _shards.Length);
        int words = batch.Sum(row => row.Words.Length);
        var losses = new double[shards.Count];
        WorkerThreads.Shared.Run(shards.Count, shard =>
        {
            ClearGradients(_shards[shard]);
            foreach (PretrainingRow[] rows in MicroBatches([.. batch.Take(shards[shard])]))
                losses[shard] += Differentiate(rows, _shards[shard], offset, words);
        });
        WorkerThreads.Shared.Run(_shares.Length, share => SumGradients(_shares[share], shards.Count));
        AdamW.ClipGradients(Weights.Select(weight => weight.Value), MaxGradientNorm);
        WorkerThreads.Shared.Run(_optimizers.Length, share => _optimizers[share].Step(learningRate));
        return losses.Sum();
    }

    /// <summary>The mean loss per word.</summary>
    /// <param name="rows">Longest first.</param>
    public double Loss(IReadOnlyList<PretrainingRow> rows)
    {
        PretrainingRow[][] microBatches = [.. MicroBatches([.. rows])];
        var losses = new double[microBatches.Length];
        WorkerThreads.Shared.Run(microBatches.Length, i =>
        {
            using var scope = NewDisposeScope();
            using var frozen = no_grad();
            losses[i] = SumOfLosses(microBatches[i], Weights, offset: 0).to(ScalarType.Float64).item<double>();
        });
        return losses.Sum() / rows.Sum(row => row.Words.Length);
    }

    public void Dispose()
    {
        foreach (AdamW optimizer in _optimizers)
            optimizer.Dispose();
        foreach (TrainedTensors shard in _shards)
            shard.Dispose();
    }

    /// <summary>Shares the weights among the cores, about as many numbers to each.</summary>
    private static string[][] Share(TrainedTensors weights)
    {
        var counts = new long[WorkerThreads.Shared.Count];
        List<string>[] shares = [.. counts.Select(_ => new List<string>())];
        foreach (var (name, weight) in weights.OrderByDescending(weight => weight.Value.numel()))
        {
            int least = Array.IndexOf(counts, counts.Min());
            shares[least].Add(name);
            counts[least] += weight.numel();
        }
        return [.. shares.Select(names => names.ToArray())];
    }

    private static IEnumerable<PretrainingRow[]> MicroBatches(PretrainingRow[] rows) =>
        BatchPlanner.SplitForCore([.. rows.Select(row => row.Text.Length)]).Select(range => rows[range]);

    private static void ClearGradients(TrainedTensors weights)
    {
        using var scope = NewDisposeScope();
        foreach (var (_, weight) in weights)
            weight.grad?.zero_();
    }

    private double Differentiate(PretrainingRow[] rows, TrainedTensors weights, int offset, int words)
    {
        using var scope = NewDisposeScope();
        Tensor loss = SumOfLosses(rows, weights, offset).DividedBy(words);
        loss.backward();
        return loss.to(ScalarType.Float64).item<double>();
    }

    private Tensor SumOfLosses(PretrainingRow[] rows, TrainedTensors weights, int offset)
    {
        EncodedBatch batch = EncodedRow.Collate([.. rows.Select(row => row.Text)], _padId, CPU);
        Tuning tuning = _method.Tune(_backbone, weights, batch.Rows, dropout: null);
        Tensor states = _backbone.Forward(batch, tuning, offset).reshape(-1, _backbone.Configuration.HiddenSize);         // [B · T, H]
        long[] places = [.. rows.SelectMany((row, i) => row.Places.Select(place => (long)i * batch.Length + place))];
        long[] words = [.. rows.SelectMany(row => row.Words).Select(word => (long)word)];
        Tensor logits = _backbone.LanguageHead!.Forward(states.index_select(0, tensor(places)), tuning.Weights);            // [N, vocabulary]
        return nn.functional.cross_entropy(logits, tensor(words), reduction: nn.Reduction.Sum);
    }

    /// <summary>Adds the gradients of the other shards to those of the first.</summary>
    private void SumGradients(string[] names, int shards)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        foreach (string name in names)
        {
            if (Weights[name].grad is not { } sum)
                continue;
            for (int shard = 1; shard < shards; shard++)
                if (_shards[shard][name].grad is { } gradient)
                    sum.AddInPlace(gradient);
        }
    }
}
