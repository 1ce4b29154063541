using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Microsoft.ML.PTuning.Compute;

/// <summary>Metrics of scoring, published by <see cref="System.Diagnostics.Metrics"/>. Names and units follow OpenTelemetry's conventions.</summary>
/// <remarks>Without a listener, an instrument costs one comparison.</remarks>
internal static class ScoringMetrics
{
    /// <summary>Name of the meter: that of the assembly.</summary>
    public const string MeterName = "Microsoft.ML.PTuning";

    /// <summary>Tag with the name under which a <see cref="PTuningV2MultiTaskPredictor"/> serves a model.</summary>
    public const string ModelTag = "ptuning.model.name";

    private const string ErrorTag = "error.type";

    private static readonly Meter Meter = new(MeterName, typeof(ScoringMetrics).Assembly.GetName().Version?.ToString(3));
    private static readonly ConcurrentDictionary<object, Func<int>> Queues = [];

    private static readonly Counter<long> Rows = Meter.CreateCounter<long>("ptuning.scoring.rows", "{row}", "Rows that were scored.");
    private static readonly Counter<long> Batches = Meter.CreateCounter<long>("ptuning.scoring.batches", "{batch}", "Batches that were computed.");

    private static readonly Histogram<int> BatchSize = Meter.CreateHistogram<int>(
        "ptuning.scoring.batch.size", "{row}", "Rows of a batch; each window of a long text counts as one.");

    private static readonly Histogram<double> Duration = Meter.CreateHistogram<double>(
        "ptuning.predictor.duration", "s", "From the call of a PTuningV2MultiTaskPredictor to its answer.");

    private static readonly Counter<long> Refused = Meter.CreateCounter<long>(
        "ptuning.predictor.refused", "{row}", "Rows that a full PTuningV2MultiTaskPredictor refused.");

    private static readonly ObservableUpDownCounter<int> Waiting = Meter.CreateObservableUpDownCounter(
        "ptuning.predictor.waiting", () => Queues.Values.Sum(rows => rows()), "{row}", "Rows that wait in all predictors to be computed.");

    /// <summary>Counts a batch that was computed.</summary>
    public static void CountBatch(int rows)
    {
        Batches.Add(1);
        BatchSize.Record(rows);
    }

    /// <summary>Counts rows that were scored by a model without a name.</summary>
    public static void CountRows(int rows) => Rows.Add(rows);

    /// <summary>The start of a call, in <see cref="Stopwatch"/> ticks; 0 without a listener.</summary>
    public static long StartCall() => Duration.Enabled ? Stopwatch.GetTimestamp() : 0;

    /// <summary>Records the end of a call, once per model that it used.</summary>
    /// <param name="start">The result of <see cref="StartCall"/>.</param>
    /// <param name="failure">Null where the row was scored.</param>
    public static void EndCall(IEnumerable<string> models, long start, Exception? failure)
    {
        if (!Duration.Enabled && !Rows.Enabled && !Refused.Enabled)
            return;

        foreach (var name in models)
        {
            var tags = new TagList { { ModelTag, name } };
            if (failure is null)
                Rows.Add(1, tags);
            else if (failure is PredictionQueueFullException)
                Refused.Add(1, tags);
            if (failure is not null)
                tags.Add(ErrorTag, failure.GetType().FullName);
            if (start > 0)
                Duration.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, tags);
        }
    }

    /// <summary>Counts the rows that wait in a queue until <see cref="Forget"/>.</summary>
    public static void Watch(object queue, Func<int> waitingRows) => Queues[queue] = waitingRows;

    public static void Forget(object queue) => Queues.TryRemove(queue, out _);
}
