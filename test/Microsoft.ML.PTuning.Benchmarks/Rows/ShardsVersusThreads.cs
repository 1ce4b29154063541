using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>A batch in shards, each computed on one core, against the same batch as one computation spread over as many threads.</summary>
/// <param name="encoder">The encoder's folder; null for the default encoder.</param>
/// <param name="trains">Whether a training step is measured, or a forward.</param>
internal sealed class ShardsVersusThreads(string name, Func<string?> encoder, int rows, bool trains) : IBenchmark
{
    private const int Length = 64;
    private const double LearningRate = 5e-3;

    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new ShardsVersusThreads("shards-vs-threads-step", () => UntrainedModel.SmallEncoder, rows: 64, trains: true),
        new ShardsVersusThreads("shards-vs-threads-forward", () => UntrainedModel.SmallEncoder, rows: 64, trains: false),
        new ShardsVersusThreads("base-shards-vs-threads-step", () => BaseShapedEncoder.Folder, rows: 16, trains: true),
        new ShardsVersusThreads("base-shards-vs-threads-forward", () => BaseShapedEncoder.Folder, rows: 16, trains: false),
    ];

    public string Name => name;

    public string Comparison =>
        $"{(trains ? "a training step" : "scoring")} of {rows} rows of {Length} tokens in one-core parts against one computation over all threads";

    public Ratio Measure(int threads)
    {
        using var model = new UntrainedModel(encoder());
        var settings = UntrainedModel.Settings(threads);
        using var spread = new OneComputation(model, settings);
        using var optimizer = model.Optimizer(settings);
        var examples = TokenRows.OfLength(rows, Length, model.Backbone.Configuration.VocabularySize);
        ExamplePart[] batch = [.. examples.SelectMany(row => row.Parts)];
        return trains
            ? PairedMeasurement.Measure(() => spread.Step(batch), () => optimizer.Step(batch, LearningRate))
            : PairedMeasurement.Measure(() => spread.Score(batch), () => model.Predictor.Predict(examples, model.Tensors, model.Task));
    }
}
