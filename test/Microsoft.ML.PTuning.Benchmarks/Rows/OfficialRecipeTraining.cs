using Microsoft.ML.PTuning.Batching;
using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>An epoch of the library's steps on rows of lognormal length against one of <see cref="OfficialRecipe"/>, on the same tokens.</summary>
/// <remarks>The library's: batches of 32 planned by length, shards, the same reparameterisation once a step, no dropout in the encoder.</remarks>
/// <param name="encoder">The encoder's folder; null for the default encoder.</param>
internal sealed class OfficialRecipeTraining(string name, Func<string?> encoder, int rows) : IBenchmark
{
    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new OfficialRecipeTraining("official-recipe-training", () => null, rows: 512),
        new OfficialRecipeTraining("base-official-recipe-training", () => BaseShapedEncoder.Folder, rows: 32),
    ];

    public string Name => name;

    public string Comparison =>
        $"training on {rows} rows of 40 tokens on average against the official way: padded to 128, dropout and prefix network for every row";

    public Ratio Measure(int threads)
    {
        using var model = new UntrainedModel(encoder());
        using var recipe = new OfficialRecipe(model);
        using var optimizer = model.Optimizer(UntrainedModel.Settings(threads) with { ProjectionSize = OfficialRecipe.ProjectionSize });
        var examples = TokenRows.Lognormal(rows, model.Backbone.Configuration.VocabularySize);
        int[] lengths = [.. examples.Select(example => example.Parts[0].Length)];
        return PairedMeasurement.Measure(() => recipe.Train(examples), TrainPlanned);

        void TrainPlanned()
        {
            foreach (var batch in BatchPlanner.PlanEpoch(lengths, OfficialRecipe.BatchSize, new Random(1)))
                optimizer.Step([.. batch.Select(row => examples[row].Parts[0])], OfficialRecipe.LearningRate);
        }
    }
}
