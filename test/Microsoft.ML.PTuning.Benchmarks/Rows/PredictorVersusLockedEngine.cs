using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>64 callers at once: a <see cref="MultiTaskPredictor"/> against a PredictionEngine behind a lock.</summary>
/// <remarks>Each waits for an answer before it asks again. The predictor serves 64 models, one for each caller; the engine serves one.</remarks>
internal sealed class PredictorVersusLockedEngine : IBenchmark
{
    private const int Callers = 64, RowsEach = 24;
    private const double MeanWords = 12;

    public string Name => "multi-task-predictor-vs-locked-engine";

    public string Comparison =>
        $"{Callers} concurrent callers of a MultiTaskPredictor with as many models, against as many of one locked PredictionEngine";

    public Ratio Measure(int threads)
    {
        var context = new MLContext(seed: 1);
        using var first = new UntrainedModel();
        using var predictor = new MultiTaskPredictor(context, new() { OwnsTransformers = true });
        for (var caller = 0; caller < Callers; caller++)
            predictor.Add($"{caller}", first.ToTransformer());
        using var engine = context.Model.CreatePredictionEngine<TextRow, Prediction>(first.ToTransformer());
        var rows = TextRows.Sst2(Callers * RowsEach, MeanWords).Chunk(RowsEach).ToArray();
        var gate = new object();

        // Each caller has a thread: callers of the lock would otherwise wait for threads of the pool.
        return PairedMeasurement.Measure(
            () => EachCaller((row, caller) =>
            {
                lock (gate)
                    engine.Predict(row);
            }),
            () => EachCaller((row, caller) => predictor.PredictAsync<TextRow, Prediction>($"{caller}", row).GetAwaiter().GetResult()));

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
