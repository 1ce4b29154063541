using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Explaining;

/// <summary>Measures how much attention goes to a prefix, while the encoder runs as in scoring.</summary>
/// <param name="encoder">Its method is a <see cref="DeepPrefix"/>.</param>
/// <param name="tensors">The prefix among them.</param>
internal sealed class PrefixMasses(PromptedEncoder encoder, TrainedTensors tensors, int padId, Device device)
{
    private readonly PrefixShape _shape = ((DeepPrefix)encoder.Method).ShapeFor(encoder.Backbone);
    private readonly int _heads = encoder.Backbone.Configuration.Heads;

    /// <param name="sequences">What the encoder reads.</param>
    /// <param name="batches">Numbers of the sequences that share a batch, each once.</param>
    /// <param name="rows">Rows of the data; there may be more sequences.</param>
    /// <param name="checkCancelled">Throws if the work has been cancelled; called before every batch, on any thread.</param>
    /// <param name="limit">How many batches the CPU computes at the same time; null for one per core.</param>
    public PrefixReport Measure(
        IReadOnlyList<EncodedRow> sequences, IReadOnlyList<int[]> batches, int rows, Action checkCancelled, JobLimit? limit = null)
    {
        var sums = new double[batches.Count][][];
        if (device.type == DeviceType.CPU)
            WorkerThreads.Shared.Run(batches.Count, RunBatch, limit: limit);
        else
            for (var i = 0; i < batches.Count; i++)
                RunBatch(i);
        return Average(sums, sequences.Sum(sequence => (long)sequence.Length), rows);

        void RunBatch(int index)
        {
            checkCancelled();
            sums[index] = Sum([.. batches[index].Select(sequence => sequences[sequence])]);
        }
    }

    /// <returns>For each layer with a prefix the sums over the tokens that send queries, <c>[h, P]</c>, then how many these are.</returns>
    private double[][] Sum(EncodedRow[] sequences)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var batch = EncodedRow.Collate(sequences, padId, device) with { BetweenLayers = WorkerThreads.RunUrgent };
        if (batch.DecoderIds is null)
            batch = encoder.Backbone.AddDecoder(batch, perToken: true);
        var sums = new double[_shape.EncoderLayers][];
        var tuning = encoder.Method.Tune(encoder.Backbone, tensors, batch.Rows, dropout: null) with
        {
            OnProbabilities = (layer, probabilities) => sums[layer] = _shape.Selected.Contains(layer) ? SumOfPrefix(probabilities, batch) : [],
        };
        encoder.Forward(batch, tuning);
        return [.. _shape.Selected.Select(layer => sums[layer])];
    }

    /// <param name="probabilities"><c>[B, h, Q, P + T]</c>, of the tokens of text and decoder, or of either.</param>
    private double[] SumOfPrefix(Tensor probabilities, EncodedBatch batch)
    {
        using var scope = NewDisposeScope();
        var queries = probabilities.size(2);
        var real = queries == batch.Length + batch.DecoderLength ? batch.ReadMask : queries == batch.DecoderLength ? batch.DecoderMask : batch.Mask;
        var ofPrefix = probabilities.narrow(3, 0, _shape.Length).to(ScalarType.Float64).Masked(real?.view(batch.Rows, 1, -1, 1));
        return
        [
            .. ofPrefix.sum([0, 2]).cpu().contiguous().data<double>(),                                                   // [h, P]
            real?.sum().cpu().item<float>() ?? batch.Rows * queries,
        ];
    }

    // In the order of the batches, so that the bits do not depend on the threads.
    private PrefixReport Average(double[][][] sums, long tokens, int rows)
    {
        var masses = new double[_shape.EncoderLayers, _heads, _shape.Length];
        for (var i = 0; i < _shape.Layers; i++)
        {
            var queries = sums.Sum(batch => batch[i][^1]);
            for (var head = 0; head < _heads; head++)
                for (var position = 0; position < _shape.Length; position++)
                    masses[_shape.Selected[i], head, position] = sums.Sum(batch => batch[i][head * _shape.Length + position]) / queries;
        }
        return new(masses, _shape.Selected, rows, tokens);
    }
}
