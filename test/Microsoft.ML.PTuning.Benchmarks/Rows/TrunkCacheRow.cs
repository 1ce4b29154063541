using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>Steps after the first epoch with a prefix in the top layers only and the trunk kept, against steps that compute all layers.</summary>
/// <param name="against">Prompted layers of the steps it is compared with; 0 for all.</param>
internal sealed class TrunkCacheRow(string name, string comparison, int against) : IBenchmark
{
    private const int Layers = 3, RowCount = 32, Length = 128;
    private const double LearningRate = 5e-3;

    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new TrunkCacheRow(
            "trunk-cache-vs-none",
            "training from the second epoch on, prefix in the top 3 of 12 layers, with the trunk cache against without",
            Layers),
        new TrunkCacheRow(
            "trunk-cache-vs-all-layers",
            "training from the second epoch on, prefix in the top 3 of 12 layers and the trunk cache, against prefixes in all",
            against: 0),
    ];

    public string Name => name;

    public string Comparison => comparison;

    public Ratio Measure(int threads)
    {
        var settings = UntrainedModel.Settings(threads);
        using var model = new UntrainedModel(BaseShapedEncoder.Folder, Layers);
        using var other = new UntrainedModel(BaseShapedEncoder.Folder, against);
        var rows = TokenRows.OfLength(RowCount, Length, model.Backbone.Configuration.VocabularySize);
        using var trunk = model.CacheTrunk(rows, settings);
        using var keeping = model.Optimizer(settings, trunk);
        using var computing = other.Optimizer(settings);
        ExamplePart[] batch = [.. rows.SelectMany(row => row.Parts)];
        return PairedMeasurement.Measure(() => computing.Step(batch, LearningRate), () => keeping.Step(batch, LearningRate));
    }
}
