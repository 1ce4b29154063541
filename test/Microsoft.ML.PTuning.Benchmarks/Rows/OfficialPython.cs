using System.Diagnostics;
using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Training;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>This library against the published recipe in Python: the same rows, batch size, threads and function, the same first prefix and head.</summary>
/// <remarks>
/// The script pads every row, trains with dropout in the encoder, and makes the prefix for every row of a batch; <see cref="PythonRecipe"/> checks that
/// it computes what this library computes. Its time is its own: it does not count the start of Python.
/// </remarks>
/// <param name="count">How many rows.</param>
/// <param name="measure">This library's quantity by the script's.</param>
internal sealed class OfficialPython(string name, string comparison, RatioKind kind, int count, Func<UntrainedModel, PythonRecipe, int, Ratio> measure)
    : IBenchmark
{
    private const string Opponent = "the published recipe in Python and PyTorch";
    private const int TrainingRows = 192, ScoringRows = 384, MemoryRows = 96;
    private const double LearningRate = 5e-3;

    private static readonly RecipeRows Texts = RecipeRows.AgNews;

    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new OfficialPython(
            "official-python-training", $"training on {TrainingRows} {Texts.Description} against {Opponent}, padded to {Texts.MaxLength}", RatioKind.SpeedUp,
            TrainingRows, Training),
        new OfficialPython(
            "official-python-scoring", $"scoring {ScoringRows} {Texts.Description} against {Opponent}, padded to {Texts.MaxLength}", RatioKind.SpeedUp,
            ScoringRows, Scoring),
        new OfficialPython(
            "official-python-memory", $"peak memory of a process that trains on {MemoryRows} {Texts.Description} by that of {Opponent}", RatioKind.Memory,
            MemoryRows, Memory),
    ];

    public string Name => name;

    public string Comparison => comparison;

    public RatioKind Kind => kind;

    public string? Obstacle => Texts.File!.Obstacle ?? PythonRecipe.Obstacle;

    public Ratio Measure(int threads)
    {
        using var model = Model();
        using var python = new PythonRecipe(model, Texts.Take(model, count), Texts.BatchSize, threads);
        var ratio = measure(model, python, threads);
        return ratio with { Note = $"{ratio.Note}; {PythonRecipe.Description}" };
    }

    /// <summary>What a child measures.</summary>
    /// <param name="arguments">The number of threads.</param>
    public static double PeakInThisProcess(string[] arguments)
    {
        TorchNative.EnsureLoaded();
        using var model = Model();
        using var optimizer = model.Optimizer(UntrainedModel.Settings(int.Parse(arguments[0])));
        Train(optimizer, Texts.Take(model, MemoryRows));
        using var self = Process.GetCurrentProcess();
        return self.PeakWorkingSet64;
    }

    private static Ratio Training(UntrainedModel model, PythonRecipe python, int threads)
    {
        using var optimizer = model.Optimizer(UntrainedModel.Settings(threads));
        var rows = Texts.Take(model, TrainingRows);
        Train(optimizer, rows);
        return PairedMeasurement.Compare(
            () => TrainingRows / PairedMeasurement.Seconds(() => Train(optimizer, rows)), () => python.Train().RowsPerSecond, "rows/s");
    }

    private static Ratio Scoring(UntrainedModel model, PythonRecipe python, int threads)
    {
        var rows = Texts.Take(model, ScoringRows);
        Score();
        return PairedMeasurement.Compare(() => ScoringRows / PairedMeasurement.Seconds(Score), () => python.Score().RowsPerSecond, "rows/s");

        void Score() => model.Predictor.Predict(rows, model.Tensors, model.Task);
    }

    private static Ratio Memory(UntrainedModel model, PythonRecipe python, int threads) => PairedMeasurement.Compare(
        () => ChildMeasurement.Run(nameof(OfficialPython), $"{threads}") / 1e6, () => python.Train().PeakBytes / 1e6, "MB");

    // The published code reads the checkpoint's pooler.
    private static UntrainedModel Model() => new(encoder: null, maxLength: Texts.MaxLength, pooling: Pooling.Checkpoint);

    private static void Train(PromptOptimizer optimizer, IReadOnlyList<Example> rows)
    {
        foreach (var batch in BatchPlanner.PlanEpoch([.. rows.Select(row => row.Parts[0].Length)], Texts.BatchSize, new Random(1)))
            optimizer.Step([.. batch.Select(row => rows[row].Parts[0])], LearningRate);
    }
}
