using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Compute;

/// <summary>Runs a network over many rows: batches of similar length, several at once. Safe for any number of threads.</summary>
/// <remarks>
/// On the CPU a batch runs on one core, also if it is a single row. On several cores, small operations would wait for the slowest thread, hundreds of
/// times as long on a busy machine, and the bits would depend on the number of threads.
/// </remarks>
/// <param name="trunk">The cached output of the layers that the method does not change, for all rows; null to compute it.</param>
internal sealed class Predictor(PromptNetwork network, int padId, Device device, ITrunkCache? trunk = null)
{
    /// <summary>Largest number of tokens per batch on a GPU.</summary>
    public const int GpuBudget = 32768;

    /// <summary>Tokens that a core keeps keys and values of while it writes. A step computes one token per text, so more texts than usual fill a core.</summary>
    public const int WritingBudget = 2 * BatchPlanner.CoreBudget;

    /// <summary>Whether a GPU computes a batch while the CPU decodes the one before and prepares the next.</summary>
    public bool Overlaps { get; init; } = device.type != DeviceType.CPU;

    /// <summary>Called with the number of parts of each computed batch, on any thread.</summary>
    public Action<int> OnBatch { get; init; } = _ => { };

    /// <param name="checkCancelled">Throws if the work has been cancelled; called before every batch, on any thread.</param>
    /// <param name="limit">How many batches the CPU computes at the same time; null for one per core.</param>
    /// <returns>The prediction of each row, in the order of <paramref name="examples"/>.</returns>
    public Prediction[] Predict(
        IReadOnlyList<Example> examples, TrainedTensors tensors, PromptTask task, Action? checkCancelled = null, JobLimit? limit = null) =>
        Run(task.Writer is null ? PlanEvaluation(examples) : PlanWriting(examples, task), tensors, task, withLoss: false, checkCancelled, limit).Predictions;

    /// <summary>Plans the batches of rows that are evaluated, once or many times.</summary>
    public PlannedRows PlanEvaluation(IReadOnlyList<Example> examples)
    {
        ExamplePart[] parts = [.. examples.SelectMany(e => e.Parts)];
        var method = network.Encoder.Method;
        return new(
            examples, parts, Plan([.. parts.Select(p => p.Length + method.InsertedTokens)], [.. parts.Select(p => p.Sequences.Count * method.Copies)], device));
    }

    /// <inheritdoc cref="Predict"/>
    /// <returns>The predictions, and the mean loss over all rows.</returns>
    public (Prediction[] Predictions, double Loss) Evaluate(
        IReadOnlyList<Example> examples, TrainedTensors tensors, PromptTask task, Action? checkCancelled = null) =>
        Evaluate(PlanEvaluation(examples), tensors, task, checkCancelled);

    /// <inheritdoc cref="Evaluate(IReadOnlyList{Example}, TrainedTensors, PromptTask, Action?)"/>
    /// <param name="rows">Planned by a predictor of the same network and device.</param>
    public (Prediction[] Predictions, double Loss) Evaluate(
        PlannedRows rows, TrainedTensors tensors, PromptTask task, Action? checkCancelled = null) =>
        Run(rows, tensors, task, withLoss: true, checkCancelled, limit: null);

    private PlannedRows PlanWriting(IReadOnlyList<Example> examples, PromptTask task)
    {
        ExamplePart[] parts = [.. examples.SelectMany(e => e.Parts)];
        var added = network.Encoder.Method.InsertedTokens + task.DecoderLength;
        return new(examples, parts, Plan([.. parts.Select(p => p.Length + added)], [.. parts.Select(_ => task.WrittenCopies)], device, WritingBudget));
    }

    private (Prediction[] Predictions, double Loss) Run(
        PlannedRows rows, TrainedTensors tensors, PromptTask task, bool withLoss, Action? checkCancelled, JobLimit? limit)
    {
        var (examples, parts, batches) = rows;
        if (examples.Count == 0)
            return ([], 0);

        var decoding = new RowDecoding(examples, task);
        var write = withLoss ? null : task.Writer;
        var losses = new double[batches.Count];
        if (write is not null && Overlaps)
        {
            for (var i = 0; i < batches.Count; i++)
                WriteBatch(i);
        }
        else if (write is not null)
            WorkerThreads.Shared.Run(batches.Count, WriteBatch, isUrgent: examples.Count == 1, limit);
        else if (Overlaps)
            RunOverlapping();
        else
            WorkerThreads.Shared.Run(batches.Count, RunBatch, isUrgent: examples.Count == 1, limit);
        return (decoding.Predictions, losses.Sum() / Math.Max(1, task.LossWeight(parts)));

        void RunBatch(int index)
        {
            checkCancelled?.Invoke();
            using var scope = NewDisposeScope();
            using var frozen = no_grad();
            using var outputs = Start(index, Collate(index));
            losses[index] = outputs.ReadLoss();
            Decode(index, outputs.ReadByPart());
        }

        void WriteBatch(int index)
        {
            checkCancelled?.Invoke();
            using var scope = NewDisposeScope();
            using var frozen = no_grad();
            foreach (var (part, written) in batches[index].Zip(write(network.Encoder, tensors, Collate(index), PartsOf(index), () => checkCancelled?.Invoke())))
                decoding.Add(part, written);
            OnBatch(batches[index].Length);
        }

        void RunOverlapping()
        {
            using var frozen = no_grad();
            BatchOutputs? running = null;
            try
            {
                for (var i = 0; i < batches.Count; i++)
                {
                    checkCancelled?.Invoke();
                    using var scope = NewDisposeScope();
                    var encoded = Collate(i);
                    var last = End(i - 1, running);
                    running = null;
                    running = Start(i, encoded);
                    Decode(i - 1, last);
                }
                Decode(batches.Count - 1, End(batches.Count - 1, running));
            }
            finally
            {
                running?.Dispose();
            }
        }

        EncodedBatch Collate(int index) =>
            EncodedRow.Collate([.. PartsOf(index).SelectMany(p => p.Sequences)], padId, device, trunkCache: trunk)
                with { BetweenLayers = WorkerThreads.RunUrgent };

        BatchOutputs Start(int index, EncodedBatch encoded)
        {
            var result = network.Forward(encoded, tensors);
            return new(result, withLoss ? task.Loss(result, PartsOf(index)) : null, PartsOf(index), network.Head.IsPerToken);
        }

        float[][] End(int index, BatchOutputs? running)
        {
            if (running is null)
                return [];

            using var outputs = running;
            losses[index] = outputs.ReadLoss();
            return outputs.ReadByPart();
        }

        void Decode(int index, float[][] outputs)
        {
            for (var i = 0; i < outputs.Length; i++)
                decoding.Add(batches[index][i], outputs[i]);
            if (outputs.Length > 0)
                OnBatch(outputs.Length);
        }

        ExamplePart[] PartsOf(int index) => [.. batches[index].Select(part => parts[part])];
    }

    /// <summary>A batch's outputs as one array per part: the numbers of its sequences, one after the other, without those of padding.</summary>
    /// <param name="outputs">The head's outputs, <c>[S, T, K]</c> if it is per token, else <c>[S, K]</c>.</param>
    /// <param name="isPerToken">As in <see cref="Heads.TaskHead.IsPerToken"/>.</param>
    public static float[][] ByPart(Tensor outputs, IReadOnlyList<ExamplePart> parts, bool isPerToken)
    {
        var values = outputs.detach().cpu().to(ScalarType.Float32).contiguous().data<float>().ToArray();
        var width = values.Length / (int)outputs.size(0);
        var tokenWidth = isPerToken ? width / (int)outputs.size(1) : 0;
        var start = 0;
        return [.. parts.Select(part => part.Sequences.SelectMany(sequence =>
        {
            var own = values.AsSpan(start, isPerToken ? sequence.States * tokenWidth : width).ToArray();
            start += width;
            return own;
        }).ToArray())];
    }

    /// <summary>Batches that suit a device.</summary>
    /// <inheritdoc cref="BatchPlanner.PlanByTokens"/>
    /// <param name="coreBudget">Largest number of tokens per batch on a core.</param>
    public static IReadOnlyList<int[]> Plan(
        IReadOnlyList<int> lengths, IReadOnlyList<int> sequences, Device device, int coreBudget = BatchPlanner.CoreBudget)
    {
        if (device.type != DeviceType.CPU)
            return BatchPlanner.PlanByTokens(lengths, sequences, GpuBudget);

        // At least two batches per core if there are enough rows.
        var share = lengths.Zip(sequences, (length, count) => (long)length * count).Sum() / (2 * WorkerThreads.Shared.Count);
        return BatchPlanner.PlanByTokens(lengths, sequences, (int)Math.Min(coreBudget, share));
    }
}

/// <summary>Rows with the batches in which they are computed.</summary>
/// <param name="Parts">The parts of all rows, in order.</param>
/// <param name="Batches">Numbers of the parts of each batch.</param>
internal sealed record PlannedRows(IReadOnlyList<Example> Examples, ExamplePart[] Parts, IReadOnlyList<int[]> Batches);
