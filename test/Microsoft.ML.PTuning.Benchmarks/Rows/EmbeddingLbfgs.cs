using Microsoft.ML.PTuning.Benchmarks.Workloads;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>A deep prefix, trained with the defaults, against a linear model on the frozen encoder's mean embeddings. Both see the same rows.</summary>
/// <remarks>One pair, not five: a training takes long, and its length says more than its spread.</remarks>
/// <param name="measure">This library's quantity by that of the linear model.</param>
internal sealed class EmbeddingLbfgs(string name, string comparison, RatioKind kind, Func<NewsClassifiers, Ratio> measure) : IBenchmark
{
    private const string Opponent = "mean embeddings and L-BFGS";
    private const int TrainingRows = 1000, TestRows = 1000, FewRows = 64; // The few where neither time nor accuracy is measured.

    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new EmbeddingLbfgs(
            "embedding-lbfgs-training", $"time to train on {TrainingRows:N0} texts of AG News by that of {Opponent}; the note tells accuracies",
            RatioKind.Time, Training),
        new EmbeddingLbfgs("embedding-lbfgs-size", $"bytes of the saved model by those of {Opponent}", RatioKind.Size, SavedSize),
    ];

    public string Name => name;

    public string Comparison => comparison;

    public RatioKind Kind => kind;

    public string? Obstacle => DataFile.AgNewsTraining.Obstacle ?? DataFile.AgNews.Obstacle;

    public Ratio Measure(int threads)
    {
        using var classifiers = new NewsClassifiers();
        return measure(classifiers);
    }

    private static Ratio Training(NewsClassifiers classifiers)
    {
        var (training, test) = (LabelledData.Texts(DataFile.AgNewsTraining, TrainingRows), LabelledData.Texts(DataFile.AgNews, TestRows));
        IReadOnlyList<LabelledText> few = [.. training.Take(FewRows)]; // Both run once untimed, on these.
        (classifiers.FitPrefix(few, maxEpochs: 1) as IDisposable)?.Dispose();
        classifiers.FitEmbedding(few);

        var ours = Run(classifiers, () => classifiers.FitPrefix(training), () => classifiers.View(test));
        var theirs = Run(classifiers, () => classifiers.FitEmbedding(training), () => classifiers.Embed(test));
        return Ratio.Of([ours.Training / theirs.Training]) with
        {
            Note = FormattableString.Invariant($"{ours.Training:G3} s by {theirs.Training:G3} s; scoring {TestRows} rows {ours.Scoring:G3} s by ")
                + FormattableString.Invariant($"{theirs.Scoring:G3} s; accuracy {ours.Accuracy:F3} by {theirs.Accuracy:F3}"),
        };
    }

    private static Measured Run(NewsClassifiers classifiers, Func<ITransformer> fit, Func<IDataView> read)
    {
        ITransformer model = null!;
        var accuracy = 0.0;
        var training = PairedMeasurement.Seconds(() => model = fit());
        using var owner = model as IDisposable;
        var scoring = PairedMeasurement.Seconds(() => accuracy = classifiers.AccuracyOf(model, read()));
        return new(training, scoring, accuracy);
    }

    private static Ratio SavedSize(NewsClassifiers classifiers)
    {
        var few = LabelledData.Texts(DataFile.AgNewsTraining, FewRows);
        var prefix = classifiers.FitPrefix(few, maxEpochs: 1);
        using var owner = prefix as IDisposable;
        var ours = classifiers.SavedBytes(prefix, classifiers.View(few));
        var theirs = classifiers.SavedBytes(classifiers.FitEmbedding(few), classifiers.Embed(few));
        return Ratio.Of([(double)ours / theirs]) with { Note = $"{ours} bytes by {theirs} bytes" };
    }

    /// <param name="Training">Seconds.</param>
    /// <param name="Scoring">Seconds.</param>
    private sealed record Measured(double Training, double Scoring, double Accuracy);
}
