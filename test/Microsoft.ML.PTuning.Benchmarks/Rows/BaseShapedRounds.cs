using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Tasks;
using static Microsoft.ML.PTuning.Benchmarks.PairedMeasurement;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>What a forward, a step and a fine-tuning step cost over an encoder of BERT-base's shape, in seconds.</summary>
/// <param name="Work">Floating-point operations that the forward cannot do without (<see cref="UsefulWork"/>).</param>
/// <param name="Peak">Operations a second that products of matrices reach (<see cref="SgemmPeak"/>).</param>
/// <param name="Forward">Scoring, the library's way.</param>
/// <param name="Step">A training step of the library.</param>
/// <param name="FineTuningStep">A step that trains the encoder, one computation spread over all threads (<see cref="OfficialFineTuning"/>).</param>
/// <param name="LeanFineTuningStep">The same with all that the library does for its own steps.</param>
/// <param name="RecomputedStep">A training step of the library that recomputes activations.</param>
internal sealed record BaseShapedRound(
    double Work, double Peak, double Forward, double Step, double FineTuningStep, double LeanFineTuningStep, double RecomputedStep)
{
    public double ForwardShare => Work / Forward / Peak;

    /// <summary>A step with a frozen encoder needs a forward, and as much again to carry gradients back through it.</summary>
    public double StepShare => 2 * Work / Step / Peak;
}

/// <summary>Rounds of all, 32 rows of 128 tokens each, behind a prefix of 20; the rows of the table compare two of them.</summary>
internal sealed class BaseShapedRounds
{
    private const int BatchSize = 32, Length = UntrainedModel.MaxLength;
    private const double LearningRate = 5e-3;

    private BaseShapedRound[]? _rounds;

    public static IReadOnlyList<IBenchmark> Rows
    {
        get
        {
            var rounds = new BaseShapedRounds();
            return
            [
                new BaseShapedRow(
                    rounds, "base-forward-share-of-peak", "useful operations a second of a forward by those of products of matrices",
                    RatioKind.Share, round => round.ForwardShare),
                new BaseShapedRow(
                    rounds, "base-step-share-of-peak", "useful operations a second of a training step by those of products of matrices",
                    RatioKind.Share, round => round.StepShare),
                new BaseShapedRow(
                    rounds, "base-step-vs-forward", "a training step by a forward of the same batch",
                    RatioKind.Time, round => round.Step / round.Forward),
                new BaseShapedRow(
                    rounds, "base-step-vs-fine-tuning-step",
                    "a training step by one that trains every weight of the encoder, as one computation over all threads",
                    RatioKind.Time, round => round.Step / round.FineTuningStep),
                new BaseShapedRow(
                    rounds, "base-step-vs-lean-fine-tuning-step",
                    "a training step by one that trains every weight of the encoder, with all that the library does for its own steps",
                    RatioKind.Time, round => round.Step / round.LeanFineTuningStep),
                new BaseShapedRow(
                    rounds, "base-recomputed-step-vs-step", "a training step with RecomputeActivations by one without",
                    RatioKind.Time, round => round.RecomputedStep / round.Step),
            ];
        }
    }

    /// <summary>Measured once, for all rows.</summary>
    public IReadOnlyList<BaseShapedRound> Measure(int threads) => _rounds ??= MeasureRounds(threads);

    private static BaseShapedRound[] MeasureRounds(int threads)
    {
        using var model = new UntrainedModel(BaseShapedEncoder.Folder);
        using var peak = new SgemmPeak(threads);
        var settings = UntrainedModel.Settings(threads);
        using var optimizer = model.Optimizer(settings);
        using var recomputing = model.Optimizer(settings with { RecomputeActivations = true });
        using var fineTuning = new OfficialFineTuning(model, BaseShapedEncoder.Folder);
        using var leanFineTuning = new OfficialFineTuning(model, BaseShapedEncoder.Folder, threads);

        var encoder = model.Backbone.Configuration;
        var work = UsefulWork.OfForward(encoder, BatchSize, Length, UntrainedModel.PrefixLength);
        var rows = TokenRows.OfLength(BatchSize, Length, encoder.VocabularySize);
        ExamplePart[] batch = [.. rows.SelectMany(row => row.Parts)];

        MeasureRound(backwards: false); // Untimed: first uses.
        return [.. Enumerable.Range(0, Pairs).Select(round => MeasureRound(backwards: round % 2 == 1))];

        BaseShapedRound MeasureRound(bool backwards)
        {
            Func<double>[] measure =
            [
                peak.Measure,
                () => Seconds(() => model.Predictor.Predict(rows, model.Tensors, model.Task)),
                () => Seconds(() => optimizer.Step(batch, LearningRate)),
                () => Seconds(() => fineTuning.Step(batch)),
                () => Seconds(() => leanFineTuning.Step(batch)),
                () => Seconds(() => recomputing.Step(batch, LearningRate)),
            ];
            var found = new double[measure.Length];
            foreach (var i in backwards ? Enumerable.Range(0, measure.Length).Reverse() : Enumerable.Range(0, measure.Length))
                found[i] = measure[i]();
            return new(work, found[0], found[1], found[2], found[3], found[4], found[5]);
        }
    }
}

/// <summary>A row over <see cref="BaseShapedRounds"/>.</summary>
internal sealed class BaseShapedRow(
    BaseShapedRounds rounds, string name, string comparison, RatioKind kind, Func<BaseShapedRound, double> compare) : IBenchmark
{
    public string Name => name;

    public string Comparison => comparison;

    public RatioKind Kind => kind;

    public Ratio Measure(int threads)
    {
        var measured = rounds.Measure(threads);
        return Ratio.Of(measured.Select(compare)) with
        {
            Note = FormattableString.Invariant(
                $"peak {Median(r => r.Peak) / 1e9:F0} GFLOP/s, forward {Median(r => r.Forward):F2} s, step {Median(r => r.Step):F2} s, ")
                + FormattableString.Invariant($"recomputed {Median(r => r.RecomputedStep):F2} s, ")
                + FormattableString.Invariant($"fine-tuning {Median(r => r.FineTuningStep):F2} s, lean {Median(r => r.LeanFineTuningStep):F2} s"),
        };

        double Median(Func<BaseShapedRound, double> quantity) => Ratio.MedianOf(measured.Select(quantity));
    }
}
