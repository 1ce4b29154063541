using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>Training, serving, loading and disposing side by side for long, in one process: its memory stays the same, and so do the answers.</summary>
internal sealed class Soak : IBenchmark
{
    private const string MinutesVariable = "PTUNING_SOAK_MINUTES";
    private const float Tolerance = 1e-5f; // What the rows that share a batch may change.

    private static readonly TimeSpan Window = TimeSpan.FromSeconds(20);

    private static double Minutes => double.Parse(Environment.GetEnvironmentVariable(MinutesVariable) ?? "30", CultureInfo.InvariantCulture);

    public string Name => "soak";

    public string Comparison =>
        $"private memory at the end of {MinutesVariable} (30) minutes of training, serving, loading and disposing by that after a sixth of them";

    public RatioKind Kind => RatioKind.Memory;

    public string? Obstacle => PrivateMemory.Obstacle;

    public bool OnlyByName => true;

    public Ratio Measure(int threads)
    {
        using SavedModel mini = new(UntrainedModel.SmallEncoder), other = new(encoder: null);
        var ratio = ChildMeasurement.Run(nameof(Soak), mini.Path, other.Path, Minutes.ToString(CultureInfo.InvariantCulture));
        return new Ratio(ratio, ratio, ratio);
    }

    /// <summary>What a child measures. It tells what it did on standard error.</summary>
    /// <param name="arguments">The paths of two saved models over different encoders, and the minutes.</param>
    /// <exception cref="InvalidOperationException">An answer is another than before.</exception>
    public static double RatioInThisProcess(string[] arguments)
    {
        var time = TimeSpan.FromMinutes(double.Parse(arguments[2], CultureInfo.InvariantCulture));
        string[] paths = arguments[..2];
        var rows = TextRows.Random(64, meanWords: 12);
        var expected = Array.ConvertAll(paths, path => ScoresOf(path, rows));
        var trained = TrainedScores(rows);

        using var stop = new CancellationTokenSource();
        var counts = new long[4];
        Task[] work =
        [
            Repeat(0, _ => Compare("a training", trained, TrainedScores(rows))),
            Repeat(1, turn => Compare("a loaded model", expected[turn % 2], ScoresOf(paths[turn % 2], rows))),
            Serve(2, paths[0], expected[0]),
            Serve(3, paths[1], expected[1]),
        ];

        var clock = Stopwatch.StartNew();
        var early = MemoryUntil(time / 6);
        var late = MemoryUntil(time);
        stop.Cancel();
        Task.WaitAll(work);
        Console.Error.WriteLine(FormattableString.Invariant(
            $"{counts[0]} trainings, {counts[1]} loads, {counts[2] + counts[3]:N0} predictions; {early / 1e6:F0} MB, then {late / 1e6:F0} MB"));
        return late / early;

        Task Repeat(int kind, Action<int> turn) => Task.Factory.StartNew(
            () =>
            {
                for (var i = 0; !stop.IsCancellationRequested; i++, counts[kind]++)
                    turn(i);
            }, TaskCreationOptions.LongRunning);

        Task Serve(int kind, string path, float[] scores) => Task.Factory.StartNew(
            () =>
            {
                var context = new MLContext(seed: 1);
                using var model = SavedModel.Load(context, path);
                using var engine = context.Model.CreatePredictionEngine<TextRow, Scored>(model, new PredictionEngineOptions { OwnsTransformer = false });
                for (var i = 0; !stop.IsCancellationRequested; i = (i + 1) % rows.Count, counts[kind]++)
                    Compare("a prediction", [scores[i]], [engine.Predict(rows[i]).Score]);
            }, TaskCreationOptions.LongRunning);

        // The median over a while, because what runs side by side differs from moment to moment. Ends early where some work has failed.
        double MemoryUntil(TimeSpan end)
        {
            var samples = new List<double>();
            while (clock.Elapsed < end && !work.Any(task => task.IsFaulted))
            {
                Thread.Sleep(500);
                if (clock.Elapsed > end - Window)
                    samples.Add(PrivateMemory.Bytes());
            }
            return Ratio.MedianOf(samples.DefaultIfEmpty(PrivateMemory.Bytes()));
        }
    }

    private static float[] ScoresOf(string path, IReadOnlyList<TextRow> rows)
    {
        var context = new MLContext(seed: 1);
        using var model = SavedModel.Load(context, path);
        return [.. model.Predict<TextRow, Scored>(rows).Select(scored => scored.Score)];
    }

    private static float[] TrainedScores(IReadOnlyList<TextRow> rows)
    {
        var context = new MLContext(seed: 1);
        var trainer = context.BinaryClassification.Trainers.PTuningV2(
            new PTuningV2Trainer.BinaryOptions { Backbone = UntrainedModel.SmallEncoder, MaxEpochs = 2, Advanced = { Shards = 2 } });
        using var model = trainer.Fit(context.Data.LoadFromEnumerable(rows));
        return [.. model.Predict<TextRow, Scored>(rows).Select(scored => scored.Score)];
    }

    private static void Compare(string what, float[] expected, float[] found)
    {
        for (var i = 0; i < expected.Length; i++)
            if (!(MathF.Abs(found[i] - expected[i]) <= Tolerance * (1 + MathF.Abs(expected[i]))))
                throw new InvalidOperationException($"Expected that {what} scores row {i} with {expected[i]}, as before, found {found[i]}.");
    }

    private sealed class Scored
    {
        public float Score { get; set; }
    }
}
