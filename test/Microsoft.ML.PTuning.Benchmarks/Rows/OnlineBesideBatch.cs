using System.Diagnostics;
using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>A row asked for online while the process works through a file: how long the slowest of a hundred calls waits, by that in an idle process.</summary>
/// <param name="work">What the process does meanwhile.</param>
internal sealed class OnlineBesideBatch(string name, string work, Action<MLContext, PTuningV2Transformer, IDataView> beside) : IBenchmark
{
    private const int BatchRows = 6_000, IdleCalls = 300;
    private const double MeanWords = 12;

    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new OnlineBesideBatch("online-beside-transform", "a Transform over 6,000 rows", (context, model, data) => Drain(context, model.Transform(data))),
        new OnlineBesideBatch("online-beside-fit", "a Fit on 6,000 rows", (context, _, data) =>
        {
            using var trained = context.BinaryClassification.Trainers.PTuningV2(new PTuningV2Trainer.BinaryOptions { MaxEpochs = 1 }).Fit(data);
        }),
    ];

    public string Name => name;

    public string Comparison => $"99th percentile of PredictAsync beside {work}, by that in an idle process (default encoder)";

    public RatioKind Kind => RatioKind.Time;

    public Ratio Measure(int threads)
    {
        var context = new MLContext(seed: 1);
        using var untrained = new UntrainedModel(encoder: null);
        using var model = untrained.ToTransformer();
        using var predictor = new PTuningV2MultiTaskPredictor(context, new());
        predictor.Add("model", model);
        var rows = TextRows.Sst2(BatchRows, MeanWords);
        var data = context.Data.LoadFromEnumerable(rows);
        Ask(predictor, rows[0]);

        return PairedMeasurement.Compare(
            () =>
            {
                var batch = Task.Factory.StartNew(() => beside(context, model, data), TaskCreationOptions.LongRunning);
                var waited = Percentile99(predictor, rows, calls => calls < IdleCalls || !batch.IsCompleted);
                batch.Wait();
                return waited;
            },
            () => Percentile99(predictor, rows, calls => calls < IdleCalls),
            "ms");
    }

    private static double Percentile99(PTuningV2MultiTaskPredictor predictor, IReadOnlyList<TextRow> rows, Func<int, bool> goesOn)
    {
        var waits = new List<double>();
        while (goesOn(waits.Count))
        {
            waits.Add(Ask(predictor, rows[waits.Count % rows.Count]));
            Thread.Sleep(5); // A caller now and then, not a flood.
        }
        return waits.Order().ElementAt((int)(0.99 * (waits.Count - 1)));
    }

    private static double Ask(PTuningV2MultiTaskPredictor predictor, TextRow row)
    {
        var start = Stopwatch.GetTimestamp();
        predictor.PredictAsync<TextRow, Prediction>("model", row).GetAwaiter().GetResult();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static void Drain(MLContext context, IDataView scored)
    {
        foreach (var _ in context.Data.CreateEnumerable<Prediction>(scored, reuseRowObject: true, ignoreMissingColumns: true))
        {
        }
    }

    private sealed class Prediction
    {
        public float Score { get; set; }
    }
}
