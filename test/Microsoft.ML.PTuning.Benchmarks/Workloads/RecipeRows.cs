using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Benchmarks.Workloads;

/// <summary>Rows that <see cref="OfficialRecipe"/> and the library are compared on, and how the official scripts batch and pad such rows.</summary>
/// <param name="Description">What they are, in the plural.</param>
/// <param name="BatchSize">Rows of a batch.</param>
/// <param name="MaxLength">Most tokens of a row, which the official scripts pad all rows to.</param>
/// <param name="Take">So many of them.</param>
/// <param name="File">What they are read from; null where they are random.</param>
internal sealed record RecipeRows(
    string Description, int BatchSize, int MaxLength, Func<UntrainedModel, int, IReadOnlyList<Example>> Take, DataFile? File = null)
{
    public static readonly RecipeRows Lognormal = new(
        "rows of 40 tokens on average", BatchSize: 32, MaxLength: 128,
        (model, count) => TokenRows.Lognormal(count, model.Backbone.Configuration.VocabularySize));

    public static readonly RecipeRows Sst2 = new(
        "sentences of SST-2", BatchSize: 32, MaxLength: 128, RealRows.Sst2, DataFile.Sst2);

    public static readonly RecipeRows AgNews = new(
        "texts of AG News", BatchSize: 32, MaxLength: 128, RealRows.AgNews, DataFile.AgNews);

    public static readonly RecipeRows Squad = new(
        "questions of SQuAD with contexts, classified", BatchSize: 8, MaxLength: 384, RealRows.Squad, DataFile.Squad);
}
