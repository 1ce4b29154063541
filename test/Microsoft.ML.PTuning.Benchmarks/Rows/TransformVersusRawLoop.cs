using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Compute;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>Transform over data, text to score, against a loop of forwards over batches that were tokenized, planned and made before.</summary>
/// <remarks>The loop's batches are planned as Transform plans its largest windows; nothing waits between windows.</remarks>
internal sealed class TransformVersusRawLoop : IBenchmark
{
    private const int RowCount = 10_000, WindowRows = 1024;
    private const double MeanWords = 12;

    public string Name => "transform-vs-raw-loop";

    public string Comparison => $"Transform over {RowCount:N0} rows against forwards over batches that are tokenized and planned already";

    public Ratio Measure(int threads)
    {
        var context = new MLContext(seed: 1);
        using var model = new UntrainedModel();
        using var transformer = model.ToTransformer();
        var rows = TextRows.Sst2(RowCount, MeanWords);
        var data = context.Data.LoadFromEnumerable(rows);

        using var scope = NewDisposeScope();
        EncodedBatch[] batches = [.. model.Encode(rows).Chunk(WindowRows).SelectMany(window => Plan(window, model.PadId))];
        return PairedMeasurement.Measure(
            () => WorkerThreads.Shared.Run(batches.Length, i => Score(model, batches[i])),
            () =>
            {
                foreach (var _ in transformer.Transform(data).GetColumn<float>("Score"))
                {
                }
            });
    }

    private static IEnumerable<EncodedBatch> Plan(EncodedRow[] window, int padId) =>
        Predictor.Plan(Array.ConvertAll(window, row => row.Length), Array.ConvertAll(window, _ => 1), CPU)
            .Select(batch => EncodedRow.Collate(Array.ConvertAll(batch, row => window[row]), padId, CPU));

    private static void Score(UntrainedModel model, EncodedBatch batch)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        _ = model.Network.Forward(batch, model.Tensors).data<float>().ToArray();
    }
}
