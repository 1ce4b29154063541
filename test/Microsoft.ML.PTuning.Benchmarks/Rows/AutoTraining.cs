using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Training;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>An epoch of steps over the default encoder in the precision that suits the processor, against one in F32.</summary>
internal sealed class AutoTraining : IBenchmark
{
    private const int RowCount = 512;
    private const double LearningRate = 5e-3;

    private static readonly RecipeRows Texts = RecipeRows.AgNews;

    public string Name => "auto-training";

    public string Comparison => $"training on {RowCount} {Texts.Description}, default encoder in {BackbonePrecision.Auto}, against {BackbonePrecision.Float32}";

    public string? Obstacle => Texts.File!.Obstacle;

    public Ratio Measure(int threads)
    {
        using var auto = new UntrainedModel(encoder: null, precision: BackbonePrecision.Auto);
        using var exact = new UntrainedModel(encoder: null);
        using var autoOptimizer = auto.Optimizer(UntrainedModel.Settings(threads));
        using var exactOptimizer = exact.Optimizer(UntrainedModel.Settings(threads));
        var examples = Texts.Take(exact, RowCount);
        int[] lengths = [.. examples.Select(example => example.Parts[0].Length)];
        var ratio = PairedMeasurement.Rates(RowCount, () => Train(autoOptimizer), () => Train(exactOptimizer));
        return ratio with { Note = $"{ratio.Note}; {BackbonePrecision.Auto} is {auto.Precision} here" };

        void Train(PromptOptimizer optimizer)
        {
            foreach (var batch in BatchPlanner.PlanEpoch(lengths, Texts.BatchSize, new Random(1)))
                optimizer.Step([.. batch.Select(row => examples[row].Parts[0])], LearningRate);
        }
    }
}
