using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>64 callers at once: a <see cref="PTuningV2MultiTaskPredictor"/> against PredictionEngines behind locks.</summary>
/// <remarks>Each waits for an answer before it asks again. The predictor serves 64 models, one for each caller; the engines serve one.</remarks>
/// <param name="isPool">Whether there is an engine for each thread, as in a pool of them, or one for all callers.</param>
internal sealed class PredictorVersusEngines(string name, string opponent, bool isPool) : IBenchmark
{
    private const int Callers = 64, RowsEach = 24;
    private const double MeanWords = 12;

    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new PredictorVersusEngines("multi-task-predictor-vs-locked-engine", "one locked PredictionEngine", isPool: false),
        new PredictorVersusEngines("multi-task-predictor-vs-engine-pool", "PredictionEngines, one for each thread", isPool: true),
    ];

    public string Name => name;

    public string Comparison => $"{Callers} concurrent callers of a PTuningV2MultiTaskPredictor with as many models, against as many of {opponent}";

    public Ratio Measure(int threads)
    {
        var context = new MLContext(seed: 1);
        using var first = new UntrainedModel();
        using var predictor = new PTuningV2MultiTaskPredictor(context, new() { OwnsTransformers = true });
        for (var caller = 0; caller < Callers; caller++)
            predictor.Add($"{caller}", first.ToTransformer());
        PredictionEngine<TextRow, Prediction>[] engines =
            [.. Enumerable.Range(0, isPool ? threads : 1).Select(_ => context.Model.CreatePredictionEngine<TextRow, Prediction>(first.ToTransformer()))];
        var rows = TextRows.Sst2(Callers * RowsEach, MeanWords).Chunk(RowsEach).ToArray();

        // Each caller has a thread: callers of a lock would otherwise wait for threads of the pool.
        var ratio = PairedMeasurement.Measure(
            () => EachCaller((row, caller) =>
            {
                var engine = engines[caller % engines.Length];
                lock (engine)
                    engine.Predict(row);
            }),
            () => EachCaller((row, caller) => predictor.PredictAsync<TextRow, Prediction>($"{caller}", row).GetAwaiter().GetResult()));
        Array.ForEach(engines, engine => engine.Dispose());
        return ratio;

        void EachCaller(Action<TextRow, int> ask)
        {
            Thread[] callers =
                [.. Enumerable.Range(0, Callers).Select(caller => new Thread(() => Array.ForEach(rows[caller], row => ask(row, caller))))];
            Array.ForEach(callers, caller => caller.Start());
            Array.ForEach(callers, caller => caller.Join());
        }
    }

    private sealed class Prediction
    {
        public float Score { get; set; }
    }
}
