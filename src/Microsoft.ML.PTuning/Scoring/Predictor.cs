using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Batching;
using Microsoft.ML.PTuning.Prompts;
using Microsoft.ML.PTuning.Tasks;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>Runs a network over many rows: batches of like length, several at once. Safe for any number of threads.</summary>
/// <remarks>
/// On the CPU a batch has one core, also where it is a single row: spread over the cores, small operations wait for whichever thread comes
/// last, hundreds of times as long where other threads want the cores too; and the bits would depend on how many threads there are.
/// </remarks>
internal sealed class Predictor(PromptNetwork network, int padId, Device device)
{
    /// <summary>Most tokens of a batch: enough to fill a core, few enough to stay in its cache.</summary>
    private const int CoreBudget = 2048, GpuBudget = 32768;

    /// <returns>The head's numbers of each row, in the order of <paramref name="examples"/>.</returns>
    public float[][] Predict(IReadOnlyList<Example> examples, TrainedTensors tensors) => Run(examples, tensors, null, null).Outputs;

    /// <param name="checkCancelled">Throws where the work has been cancelled; asked before every batch, on any thread.</param>
    /// <returns>The same, and the mean loss over all rows.</returns>
    public (float[][] Outputs, double Loss) Evaluate(
        IReadOnlyList<Example> examples, TrainedTensors tensors, PromptTask task, Action? checkCancelled = null)
    {
        var (outputs, loss) = Run(examples, tensors, task, checkCancelled);
        return (outputs, loss / task.LossWeight(examples));
    }

    private (float[][] Outputs, double Loss) Run(IReadOnlyList<Example> examples, TrainedTensors tensors, PromptTask? measured, Action? checkCancelled)
    {
        var outputs = new float[examples.Count][];
        if (examples.Count == 0)
            return (outputs, 0);

        var batches = Plan([.. examples.Select(e => e.Row.Length)]);
        var losses = new double[batches.Count];
        if (device.type == DeviceType.CPU)
        {
            WorkerThreads.Shared.Run(batches.Count, RunBatch);
        }
        else
        {
            for (var i = 0; i < batches.Count; i++)
                RunBatch(i);
        }
        return (outputs, losses.Sum());

        void RunBatch(int index)
        {
            checkCancelled?.Invoke();
            using var scope = NewDisposeScope();
            using var frozen = no_grad();
            Example[] rows = [.. batches[index].Select(row => examples[row])];
            var result = network.Forward(EncodedRow.Collate([.. rows.Select(e => e.Row)], padId, device), tensors);
            if (measured is not null)
                losses[index] = measured.Loss(result, rows).item<float>();
            foreach (var (row, values) in batches[index].Zip(ToRows(result)))
                outputs[row] = values;
        }
    }

    /// <summary>A batch's outputs, <c>[B, ...]</c>, as one array a row.</summary>
    public static float[][] ToRows(Tensor outputs)
    {
        var values = outputs.detach().cpu().contiguous().data<float>().ToArray();
        return [.. values.Chunk(values.Length / (int)outputs.size(0))];
    }

    private IReadOnlyList<int[]> Plan(IReadOnlyList<int> lengths)
    {
        if (device.type != DeviceType.CPU)
            return BatchPlanner.PlanByTokens(lengths, GpuBudget);

        var share = lengths.Sum(l => (long)l) / (2 * WorkerThreads.Shared.Count); // At least two batches a core where there are rows enough.
        return BatchPlanner.PlanByTokens(lengths, (int)Math.Min(CoreBudget, share));
    }
}
