using System.Diagnostics;
using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>How long Fit takes over many rows before it learns: reading, tokenizing and planning them, up to the end of the first step.</summary>
internal sealed class LongFit : IBenchmark
{
    private const int RowCount = 100_000;
    private const int FewRows = 100;
    private const double MeanWords = 12;

    public string Name => "long-fit-first-step";

    public string Comparison => $"seconds from Fit to the end of its first step over {RowCount:N0} rows of {MeanWords:N0} words, default encoder";

    public RatioKind Kind => RatioKind.Seconds;

    public string? Obstacle => PrivateMemory.Obstacle;

    public Ratio Measure(int threads)
    {
        var context = new MLContext(seed: 1);
        var texts = TextRows.Random(RowCount, MeanWords);
        RunToFirstStep(context, texts.Take(FewRows)); // Methods are compiled.
        var few = RunToFirstStep(context, texts.Take(FewRows));
        Start[] starts = [.. Enumerable.Range(0, PairedMeasurement.Pairs).Select(_ => RunToFirstStep(context, texts))];
        return Ratio.Of(starts.Select(start => start.Seconds)) with
        {
            Note = FormattableString.Invariant($"{BytesPerRow(start => start.ObjectBytes):F0} bytes per row in objects, ")
                + FormattableString.Invariant($"{BytesPerRow(start => start.PrivateBytes):F0} of private memory"),
        };

        // The encoder and what else a training has are the same for few rows.
        double BytesPerRow(Func<Start, double> bytes) => (Ratio.MedianOf(starts.Select(bytes)) - bytes(few)) / (RowCount - FewRows);
    }

    private static Start RunToFirstStep(MLContext context, IEnumerable<TextRow> rows)
    {
        using var stop = new CancellationTokenSource();
        var step = new FirstStep(stop);
        var data = context.Data.LoadFromEnumerable(rows);
        var trainer = context.BinaryClassification.Trainers.PTuningV2(new PTuningV2Trainer.BinaryOptions
        {
            Sentence1ColumnName = nameof(TextRow.Sentence1),
            CancellationToken = stop.Token,
            Progress = step,
        });
        var (privateBefore, objectsBefore, begun) = (PrivateMemory.Bytes(), GC.GetTotalMemory(forceFullCollection: true), Stopwatch.GetTimestamp());
        try
        {
            trainer.Fit(data).Dispose();
        }
        catch (OperationCanceledException)
        {
        }
        return new(Stopwatch.GetElapsedTime(begun, step.Ended).TotalSeconds, step.ObjectBytes - objectsBefore, step.PrivateBytes - privateBefore);
    }

    /// <summary>The seconds to the end of the first step, and the memory that was added by then.</summary>
    private sealed record Start(double Seconds, double ObjectBytes, double PrivateBytes);

    /// <summary>Measures after the first step, and cancels the others.</summary>
    private sealed class FirstStep(CancellationTokenSource stop) : IProgress<TrainingProgress>
    {
        public long Ended { get; private set; }

        public double PrivateBytes { get; private set; }

        public double ObjectBytes { get; private set; }

        public void Report(TrainingProgress value)
        {
            if (stop.IsCancellationRequested)
                return;

            Ended = Stopwatch.GetTimestamp();
            (PrivateBytes, ObjectBytes) = (PrivateMemory.Bytes(), GC.GetTotalMemory(forceFullCollection: true));
            stop.Cancel();
        }
    }
}
