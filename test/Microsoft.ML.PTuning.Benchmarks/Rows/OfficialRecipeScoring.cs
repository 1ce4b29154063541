using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>The library's scoring of rows of lognormal length against that of <see cref="OfficialRecipe"/>, on the same tokens.</summary>
/// <param name="encoder">The encoder's folder; null for the default encoder.</param>
internal sealed class OfficialRecipeScoring(string name, Func<string?> encoder, int rows) : IBenchmark
{
    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new OfficialRecipeScoring("official-recipe-scoring", () => null, rows: 1024),
        new OfficialRecipeScoring("base-official-recipe-scoring", () => BaseShapedEncoder.Folder, rows: 64),
    ];

    public string Name => name;

    public string Comparison =>
        $"scoring {rows} rows of 40 tokens on average against the official way: padded to 128, prefix network for every row";

    public Ratio Measure(int threads)
    {
        using var model = new UntrainedModel(encoder());
        using var recipe = new OfficialRecipe(model);
        var examples = TokenRows.Lognormal(rows, model.Backbone.Configuration.VocabularySize);
        return PairedMeasurement.Measure(() => recipe.Score(examples), () => model.Predictor.Predict(examples, model.Tensors, model.Task));
    }
}
