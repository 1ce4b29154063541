using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>Scoring short rows in batches, by <c>Transform</c>, against one at a time, by a <c>PredictionEngine</c>.</summary>
/// <remarks>Both read the score of every row. The engine's rows follow one another, each on one core.</remarks>
internal sealed class TransformVersusPredictionEngine : IBenchmark
{
    private const int Rows = 2000, PrefixLength = 20;

    public string Name => "transform-vs-prediction-engine";

    public string Comparison => "Transform over 2,000 short rows against a loop of PredictionEngine.Predict";

    public Ratio Measure(int threads)
    {
        var context = new MLContext(seed: 1);
        var rows = TextRows.Random(Rows, meanWords: 10);
        var data = context.Data.LoadFromEnumerable(rows);
        var trainer = context.BinaryClassification.Trainers.PTuningV2(prefixLength: PrefixLength, maxEpochs: 1);
        using var model = trainer.Fit(context.Data.LoadFromEnumerable(rows.Take(64)));
        using var engine = context.Model.CreatePredictionEngine<TextRow, Prediction>(model);

        return PairedMeasurement.Measure(
            () =>
            {
                foreach (var row in rows)
                    _ = engine.Predict(row).Score;
            },
            () =>
            {
                foreach (var _ in model.Transform(data).GetColumn<float>("Score"))
                {
                }
            });
    }

    private sealed class Prediction
    {
        public float Score { get; set; }
    }
}
