using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Tasks;
using static Microsoft.ML.PTuning.Benchmarks.PairedMeasurement;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>Where the time goes over the default encoder, and how near it is to that of the products alone at the processor's best.</summary>
/// <remarks>
/// No profiler: each operation is timed apart, at the shapes of the same batches (<see cref="EncoderOperations"/>). What they leave of the whole is the
/// rest: embeddings, head, optimiser, copies, .NET. The limit is the arithmetic of the rows without padding (<see cref="UsefulWork"/>), at the rate of
/// large products (<see cref="SgemmPeak"/>).
/// </remarks>
internal sealed class Profile(string name, BackbonePrecision precision, bool trains) : IBenchmark
{
    private const int RowCount = 512, BatchSize = 32, Rounds = 5;
    private const double LearningRate = 1e-2;

    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new Profile("profile-scoring", BackbonePrecision.Float32, trains: false),
        new Profile("profile-scoring-auto", BackbonePrecision.Auto, trains: false),
        new Profile("profile-training", BackbonePrecision.Float32, trains: true),
        new Profile("profile-training-auto", BackbonePrecision.Auto, trains: true),
    ];

    public string Name => name;

    public string Comparison =>
        $"the time that products at the processor's best would take by that of {(trains ? "training" : "Transform")} in {precision}; shares in the note";

    public RatioKind Kind => RatioKind.Share;

    public string? Obstacle => DataFile.AgNews.Obstacle;

    public Ratio Measure(int threads)
    {
        using var model = new UntrainedModel(encoder: null, precision: precision);
        var type = model.Precision.ElementType();
        var texts = TextRows.AgNews(RowCount);
        Example[] rows = [.. RealRows.AgNews(model, RowCount)];
        var encoder = model.Backbone.Configuration;
        var work = (trains ? 2 : 1) * rows.Sum(row => UsefulWork.OfForward(encoder, 1, row.Parts[0].Length, UntrainedModel.PrefixLength));

        using var peak = new SgemmPeak(threads, type);
        using var whole = trains ? new Whole(model, rows, threads) : new Whole(model, texts);
        using var operations = new EncoderOperations(encoder, type, trains, UntrainedModel.PrefixLength, whole.Shapes(rows, threads));
        var kinds = operations.Kinds.ToDictionary();
        if (!trains)
            kinds.Add("tokenization", () => model.Encode(texts));

        Dictionary<string, List<double>> shares = kinds.Keys.Append("rest").ToDictionary(kind => kind, _ => new List<double>());
        var (limits, seconds) = (new List<double>(), new List<double>());
        whole.Run();
        foreach (var run in kinds.Values)
            run();
        for (var round = 0; round < Rounds; round++)
        {
            seconds.Add(Seconds(whole.Run));
            limits.Add(work / peak.Measure() / seconds[^1]);
            foreach (var (kind, run) in kinds)
                shares[kind].Add(Seconds(run) / seconds[^1]);
            shares["rest"].Add(1 - kinds.Keys.Sum(kind => shares[kind][^1]));
        }
        return Ratio.Of(limits) with
        {
            Note = FormattableString.Invariant($"{RowCount / Ratio.MedianOf(seconds):F0} rows/s, {type}: ")
                + string.Join(", ", shares.Select(share => FormattableString.Invariant($"{share.Key} {Ratio.MedianOf(share.Value):P1}"))),
        };
    }

    /// <summary>What is profiled.</summary>
    private sealed class Whole : IDisposable
    {
        private readonly List<IDisposable> _owned = [];
        private readonly int[][] _steps = []; // Rows of each step's batch; none where nothing is trained.

        public Whole(UntrainedModel model, IReadOnlyList<TextRow> texts)
        {
            var transformer = model.ToTransformer();
            _owned.Add(transformer);
            var data = new MLContext(seed: 1).Data.LoadFromEnumerable(texts);
            Run = () =>
            {
                foreach (var _ in transformer.Transform(data).GetColumn<float>("Score"))
                {
                }
            };
        }

        public Whole(UntrainedModel model, Example[] rows, int threads)
        {
            var optimizer = model.Optimizer(UntrainedModel.Settings(threads));
            _owned.Add(optimizer);
            _steps = [.. BatchPlanner.PlanEpoch(Array.ConvertAll(rows, row => row.Parts[0].Length), BatchSize, new Random(1))];
            Run = () =>
            {
                foreach (var step in _steps)
                    optimizer.Step([.. step.Select(row => rows[row].Parts[0])], LearningRate);
            };
        }

        public Action Run { get; }

        /// <summary>Rows and tokens of the batches that a core computes at once.</summary>
        public IReadOnlyList<(int Rows, int Length)> Shapes(Example[] rows, int threads)
        {
            int[] lengths = Array.ConvertAll(rows, row => row.Parts[0].Length);
            var batches = _steps.Length == 0
                ? Predictor.Plan(lengths, Array.ConvertAll(lengths, _ => 1), CPU)
                : _steps.SelectMany(step => Pieces(step, BatchPlanner.Split(Of(step), threads)))
                    .SelectMany(shard => Pieces(shard, BatchPlanner.SplitForCore(Of(shard))));
            return [.. batches.Select(batch => (batch.Length, Of(batch).Max()))];

            int[] Of(int[] batch) => Array.ConvertAll(batch, row => lengths[row]);

            static IEnumerable<int[]> Pieces(int[] batch, IReadOnlyList<Range> ranges) => ranges.Select(range => batch[range]);
        }

        public void Dispose() => _owned.ForEach(owned => owned.Dispose());
    }
}
