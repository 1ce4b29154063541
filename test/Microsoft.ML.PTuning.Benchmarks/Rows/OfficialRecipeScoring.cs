using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>The library's scoring of rows against that of <see cref="OfficialRecipe"/>, on the same tokens.</summary>
/// <param name="encoder">The encoder's folder; null for the default encoder.</param>
/// <param name="rows">What is scored.</param>
/// <param name="count">How many of them.</param>
internal sealed class OfficialRecipeScoring(string name, Func<string?> encoder, RecipeRows rows, int count) : IBenchmark
{
    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new OfficialRecipeScoring("official-recipe-scoring", () => UntrainedModel.SmallEncoder, RecipeRows.Lognormal, count: 1024),
        new OfficialRecipeScoring("official-recipe-scoring-sst2", () => UntrainedModel.SmallEncoder, RecipeRows.Sst2, count: 1024),
        new OfficialRecipeScoring("official-recipe-scoring-squad", () => UntrainedModel.SmallEncoder, RecipeRows.Squad, count: 192),
        new OfficialRecipeScoring("base-official-recipe-scoring", () => BaseShapedEncoder.Folder, RecipeRows.Lognormal, count: 64),
    ];

    public string Name => name;

    public string Comparison =>
        $"scoring {count} {rows.Description} against the official way: padded to {rows.MaxLength}, prefix network for every row";

    public string? Obstacle => rows.File?.Obstacle;

    public Ratio Measure(int threads)
    {
        using var model = new UntrainedModel(encoder(), maxLength: rows.MaxLength);
        using var recipe = new OfficialRecipe(model, rows.BatchSize);
        var examples = rows.Take(model, count);
        return PairedMeasurement.Measure(() => recipe.Score(examples), () => model.Predictor.Predict(examples, model.Tensors, model.Task));
    }
}
