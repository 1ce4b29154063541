using System.Diagnostics;
using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>The most memory that a process has at once while it takes a step, against one that trains every weight of the encoder.</summary>
/// <remarks>An encoder of BERT-base's shape, 32 rows of 128 tokens, a process for each.</remarks>
internal sealed class PeakMemory : IBenchmark
{
    private const int BatchSize = 32;
    private const double LearningRate = 5e-3;

    public string Name => "peak-memory-vs-fine-tuning";

    public string Comparison => "peak memory of a process that takes a training step by that of one that takes a fine-tuning step, BERT-base shape";

    public RatioKind Kind => RatioKind.Memory;

    public Ratio Measure(int threads)
    {
        _ = BaseShapedEncoder.Folder; // Written here, not in the children.
        return PairedMeasurement.Compare(() => MegabytesOf("p-tuning", threads), () => MegabytesOf("fine-tuning", threads), "MB");
    }

    /// <summary>What a child measures.</summary>
    /// <param name="arguments"><c>p-tuning</c> or <c>fine-tuning</c>, and the number of threads.</param>
    public static double BytesInThisProcess(string[] arguments)
    {
        TorchNative.EnsureLoaded();
        var threads = int.Parse(arguments[1]);
        using var model = new UntrainedModel(BaseShapedEncoder.Folder);
        var rows = TokenRows.OfLength(BatchSize, UntrainedModel.MaxLength, model.Backbone.Configuration.VocabularySize);
        ExamplePart[] batch = [.. rows.SelectMany(row => row.Parts)];
        if (arguments[0] == "fine-tuning")
        {
            using var fineTuning = new FineTuning(model, BaseShapedEncoder.Folder, threads);
            fineTuning.Step(batch);
        }
        else
        {
            using var optimizer = model.Optimizer(UntrainedModel.Settings(threads));
            optimizer.Step(batch, LearningRate);
        }

        using var self = Process.GetCurrentProcess();
        return self.PeakWorkingSet64;
    }

    private static double MegabytesOf(string method, int threads) => ChildMeasurement.Run(nameof(PeakMemory), method, $"{threads}") / 1e6;
}
