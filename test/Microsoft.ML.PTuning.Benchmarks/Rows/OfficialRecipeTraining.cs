using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Compute;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>An epoch of the library's steps on rows against one of <see cref="OfficialRecipe"/>, on the same tokens.</summary>
/// <remarks>
/// The library's: as many rows a step, batches planned by length, shards, the same reparameterisation once a step, no dropout in the encoder.
/// </remarks>
/// <param name="encoder">The encoder's folder; null for the default encoder.</param>
/// <param name="rows">What is trained on.</param>
/// <param name="count">How many of them.</param>
internal sealed class OfficialRecipeTraining(string name, Func<string?> encoder, RecipeRows rows, int count) : IBenchmark
{
    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new OfficialRecipeTraining("official-recipe-training", () => UntrainedModel.SmallEncoder, RecipeRows.Lognormal, count: 512),
        new OfficialRecipeTraining("official-recipe-training-sst2", () => UntrainedModel.SmallEncoder, RecipeRows.Sst2, count: 384),
        new OfficialRecipeTraining("official-recipe-training-squad", () => UntrainedModel.SmallEncoder, RecipeRows.Squad, count: 64),
        new OfficialRecipeTraining("base-official-recipe-training", () => BaseShapedEncoder.Folder, RecipeRows.Lognormal, count: 32),
    ];

    public string Name => name;

    public string Comparison =>
        $"training on {count} {rows.Description} against the official way: padded to {rows.MaxLength}, dropout and prefix network for every row";

    public string? Obstacle => rows.File?.Obstacle;

    public Ratio Measure(int threads)
    {
        using var model = new UntrainedModel(encoder(), maxLength: rows.MaxLength);
        using var recipe = new OfficialRecipe(model, rows.BatchSize);
        using var optimizer = model.Optimizer(UntrainedModel.Settings(threads) with { ProjectionSize = OfficialRecipe.ProjectionSize });
        var examples = rows.Take(model, count);
        int[] lengths = [.. examples.Select(example => example.Parts[0].Length)];
        return PairedMeasurement.Measure(() => recipe.Train(examples), TrainPlanned);

        void TrainPlanned()
        {
            foreach (var batch in BatchPlanner.PlanEpoch(lengths, rows.BatchSize, new Random(1)))
                optimizer.Step([.. batch.Select(row => examples[row].Parts[0])], OfficialRecipe.LearningRate);
        }
    }
}
