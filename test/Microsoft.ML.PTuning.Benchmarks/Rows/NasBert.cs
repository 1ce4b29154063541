using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>This library against Microsoft.ML.TorchSharp, the package with which ML.NET fine-tunes NAS-BERT. Both run in this process.</summary>
/// <remarks>
/// Each has its own encoder: a row's note says how large both are. NAS-BERT has random weights (<see cref="TextClassifiers"/>), so this compares sizes
/// and speed, not accuracy. As it is published the package does not train over this TorchSharp (<see cref="RepairedTorchSharpTrainers"/>).
/// </remarks>
/// <param name="rows">How many sentences of SST-2, or random rows where it is not.</param>
/// <param name="measure">This library's quantity by the package's.</param>
internal sealed class NasBert(string name, string comparison, RatioKind kind, int rows, Func<TextClassifiers, Ratio> measure) : IBenchmark
{
    private const string Opponent = "a fine-tuned NAS-BERT of Microsoft.ML.TorchSharp, random weights";
    private const int TrainingRows = 256, TransformedRows = 512, SingleRows = 128;
    private const int FewRows = 64; // What is trained on where training is not measured.

    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new NasBert("nas-bert-saved-size", $"bytes of the saved model by those of {Opponent}", RatioKind.Size, FewRows, SavedSize),
        new NasBert("nas-bert-training", $"training on {TrainingRows} rows against {Opponent}", RatioKind.SpeedUp, TrainingRows, Training),
        new NasBert("nas-bert-transform", $"Transform over {TransformedRows} rows against {Opponent}", RatioKind.SpeedUp, TransformedRows, Transform),
        new NasBert("nas-bert-prediction-engine", $"{SingleRows} single predictions against {Opponent}", RatioKind.SpeedUp, SingleRows, SinglePredictions),
    ];

    public string Name => name;

    public string Comparison => comparison;

    public RatioKind Kind => kind;

    public Ratio Measure(int threads)
    {
        using var classifiers = new TextClassifiers(rows);
        using var untrained = new UntrainedModel(encoder: null);
        using var transformer = untrained.ToTransformer();
        var (encoder, ratio) = (transformer.Backbone, measure(classifiers));
        return ratio with
        {
            Note = FormattableString.Invariant(
                $"{ratio.Note}; encoders: {encoder.Name} of {encoder.FileBytes / 1e6:F1} MB, NAS-BERT of {classifiers.NasBertBytes / 1e6:F1} MB"),
        };
    }

    private static Ratio SavedSize(TextClassifiers classifiers)
    {
        using var prefix = classifiers.FitPrefix(FewRows);
        using var nasBert = classifiers.FitNasBert(FewRows);
        var (ours, theirs) = (Size(prefix), Size(nasBert));
        return Ratio.Of([(double)ours / theirs]) with { Note = $"{ours} bytes by {theirs} bytes" };

        long Size(ITransformer model)
        {
            using var zip = new MemoryStream();
            classifiers.Context.Model.Save(model, classifiers.Data.Schema, zip);
            return zip.Length;
        }
    }

    private static Ratio Training(TextClassifiers classifiers) =>
        PairedMeasurement.Rates(TrainingRows, () => classifiers.FitPrefix(TrainingRows).Dispose(), () => classifiers.FitNasBert(TrainingRows).Dispose());

    private static Ratio Transform(TextClassifiers classifiers)
    {
        using var prefix = classifiers.FitPrefix(FewRows);
        using var nasBert = classifiers.FitNasBert(FewRows);
        return PairedMeasurement.Rates(TransformedRows, () => ReadScores(prefix), () => ReadScores(nasBert));

        void ReadScores(ITransformer model)
        {
            foreach (var _ in model.Transform(classifiers.Data).GetColumn<float[]>("Score"))
            {
            }
        }
    }

    private static Ratio SinglePredictions(TextClassifiers classifiers)
    {
        using var prefix = classifiers.FitPrefix(FewRows);
        using var nasBert = classifiers.FitNasBert(FewRows);
        using var ours = classifiers.Context.Model.CreatePredictionEngine<TextRow, Prediction>(prefix);
        using var theirs = classifiers.Context.Model.CreatePredictionEngine<TextRow, Prediction>(nasBert);
        return PairedMeasurement.Rates(SingleRows, () => PredictAll(ours), () => PredictAll(theirs));

        void PredictAll(PredictionEngine<TextRow, Prediction> engine)
        {
            foreach (var row in classifiers.Rows)
                _ = engine.Predict(row).Score;
        }
    }

    private sealed class Prediction
    {
        public float[] Score { get; set; } = [];
    }
}
