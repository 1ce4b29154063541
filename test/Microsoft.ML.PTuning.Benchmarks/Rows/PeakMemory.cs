using System.Diagnostics;
using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>The most memory that a process has at once while it takes steps, against one that trains every weight of the encoder.</summary>
/// <remarks>An encoder of BERT-base's shape, 32 rows of 128 tokens, a process for each.</remarks>
/// <param name="step">What is measured: one of the steps below.</param>
/// <param name="against">What it is measured against.</param>
internal sealed class PeakMemory(string name, string step, string against) : IBenchmark
{
    private const string Training = "training", Recomputing = "recomputing", FineTuningStep = "fine-tuning", LeanFineTuning = "lean-fine-tuning";
    private const int BatchSize = 32;
    private const int Steps = 3; // AdamW's averages take memory when they are first written, at the end of the first: the second is the first that has all at once.
    private const double LearningRate = 5e-3;

    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new PeakMemory("peak-memory-vs-fine-tuning", Training, FineTuningStep),
        new PeakMemory("peak-memory-vs-lean-fine-tuning", Training, LeanFineTuning),
        new PeakMemory("recomputed-peak-memory-vs-fine-tuning", Recomputing, FineTuningStep),
        new PeakMemory("recomputed-peak-memory-vs-step", Recomputing, Training),
    ];

    public string Name => name;

    public string Comparison => $"peak memory of a process that takes {step} steps by that of one that takes {against} steps, BERT-base shape";

    public RatioKind Kind => RatioKind.Memory;

    public Ratio Measure(int threads)
    {
        _ = BaseShapedEncoder.Folder; // Written here, not in the children.
        return PairedMeasurement.Compare(() => MegabytesOf(step, threads), () => MegabytesOf(against, threads), "MB");
    }

    /// <summary>What a child measures.</summary>
    /// <param name="arguments">The step, and the number of threads.</param>
    public static double BytesInThisProcess(string[] arguments)
    {
        TorchNative.EnsureLoaded();
        var threads = int.Parse(arguments[1]);
        using var model = new UntrainedModel(BaseShapedEncoder.Folder);
        var rows = TokenRows.OfLength(BatchSize, UntrainedModel.MaxLength, model.Backbone.Configuration.VocabularySize);
        ExamplePart[] batch = [.. rows.SelectMany(row => row.Parts)];
        if (arguments[0] is FineTuningStep or LeanFineTuning)
        {
            using var fineTuning = new OfficialFineTuning(model, BaseShapedEncoder.Folder, arguments[0] == LeanFineTuning ? threads : null);
            Repeat(() => fineTuning.Step(batch));
        }
        else
        {
            using var optimizer = model.Optimizer(UntrainedModel.Settings(threads) with { RecomputeActivations = arguments[0] == Recomputing });
            Repeat(() => optimizer.Step(batch, LearningRate));
        }

        using var self = Process.GetCurrentProcess();
        return self.PeakWorkingSet64;
    }

    private static void Repeat(Action step)
    {
        for (var i = 0; i < Steps; i++)
            step();
    }

    private static double MegabytesOf(string method, int threads) => ChildMeasurement.Run(nameof(PeakMemory), method, $"{threads}") / 1e6;
}
