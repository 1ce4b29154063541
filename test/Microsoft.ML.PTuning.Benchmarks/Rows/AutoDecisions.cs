using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Benchmarks.Workloads;
using Microsoft.ML.PTuning.Compute;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Benchmarks.Rows;

/// <summary>What <see cref="BackbonePrecision.Auto"/> does to a trained model's scores, against F32.</summary>
/// <remarks>A deep prefix is trained in F32 by the library's defaults, saved, and loaded in both.</remarks>
/// <param name="files">What it reads.</param>
/// <param name="train">Trains, and gives the rows to judge and where their labels are.</param>
internal sealed class AutoDecisions(string name, string title, DataFile[] files, Func<MLContext, AutoDecisions.Trained> train) : IBenchmark
{
    private const int TrainingRows = 1000, JudgedRows = 2000;

    public static IReadOnlyList<IBenchmark> Rows =>
    [
        new AutoDecisions("auto-decisions-sst2", "SST-2", [DataFile.Sst2, DataFile.Sst2Dev], context => Classes(
            context,
            LabelledData.Texts(DataFile.Sst2, TrainingRows, header: true),
            LabelledData.Texts(DataFile.Sst2Dev, header: true))),
        new AutoDecisions("auto-decisions-ag-news", "AG News", [DataFile.AgNewsTraining, DataFile.AgNews], context => Classes(
            context,
            LabelledData.Texts(DataFile.AgNewsTraining, TrainingRows),
            LabelledData.Texts(DataFile.AgNews, JudgedRows))),
        new AutoDecisions("auto-decisions-topics", "questions of SQuAD's articles", [DataFile.Squad], context =>
        {
            var questions = LabelledData.Topics(DataFile.Squad, topics: 8);
            return Classes(context, questions.Where((_, i) => i % 2 == 0).Take(TrainingRows), questions.Where((_, i) => i % 2 == 1));
        }),
        new AutoDecisions("auto-decisions-conll04", "CoNLL-2004", [DataFile.Conll04Train, DataFile.Conll04Dev], Tags),
    ];

    public string Name => name;

    public string Comparison => $"decisions that change where a model of {title} is computed in BF16, as Auto does, instead of F32";

    public RatioKind Kind => RatioKind.Share;

    public string? Obstacle => files.Select(file => file.Obstacle).FirstOrDefault(obstacle => obstacle is not null)
        ?? (BackbonePrecision.Auto.On(CPU) == BackbonePrecision.Float32 ? "this processor computes F32 faster than BF16, so Auto is F32" : null);

    public Ratio Measure(int threads)
    {
        var context = new MLContext(seed: 1);
        using var trained = train(context);
        var path = Path.GetTempFileName();
        try
        {
            trained.Model.SaveTo(path);
            var (exact, auto) = (Scored.Of(path, trained, BackbonePrecision.Float32), Scored.Of(path, trained, BackbonePrecision.Auto));
            var changes = exact.Scores.Zip(auto.Scores, (x, y) => (double)Math.Abs(x - y)).ToArray();
            var changed = exact.Decisions.Zip(auto.Decisions).Count(pair => pair.First != pair.Second);
            return Ratio.Of([(double)changed / exact.Decisions.Length]) with
            {
                Note = FormattableString.Invariant(
                    $"{changed} of {exact.Decisions.Length}; {trained.Metric} {exact.Quality:F4} by {auto.Quality:F4}; ")
                    + FormattableString.Invariant($"scores change by {changes.Average():G2} on average, {changes.Max():G2} at most"),
            };
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static Trained Classes(MLContext context, IEnumerable<LabelledText> training, IEnumerable<LabelledText> judged)
    {
        var keys = context.Transforms.Conversion.MapValueToKey("Label", nameof(LabelledText.Class));
        var labelled = context.Data.LoadFromEnumerable(training.ToArray());
        var keyed = keys.Fit(labelled);
        return new(
            context.MulticlassClassification.Trainers.PTuningV2().Fit(keyed.Transform(labelled)),
            keyed.Transform(context.Data.LoadFromEnumerable(judged.ToArray())),
            "accuracy",
            scored => context.MulticlassClassification.Evaluate(scored).MicroAccuracy,
            scored => scored.GetColumn<uint>("PredictedLabel"));
    }

    private static Trained Tags(MLContext context)
    {
        var keys = context.Transforms.Conversion.MapValueToKey("Label");
        var labelled = context.Data.LoadFromEnumerable(LabelledData.Tags(DataFile.Conll04Train).ToArray());
        var keyed = keys.Fit(labelled);
        return new(
            context.MulticlassClassification.Trainers.PTuningV2NamedEntityRecognition(sentence1ColumnName: "Sentence").Fit(keyed.Transform(labelled)),
            keyed.Transform(context.Data.LoadFromEnumerable(LabelledData.Tags(DataFile.Conll04Dev).ToArray())),
            "F1",
            scored => context.MulticlassClassification.EvaluateNamedEntityRecognition(scored).MicroF1,
            scored => scored.GetColumn<VBuffer<uint>>("PredictedLabel").SelectMany(tags => tags.DenseValues()));
    }

    /// <param name="Decisions">A decision per row, or per word.</param>
    internal sealed record Trained(
        PTuningV2Transformer Model, IDataView Judged, string Metric, Func<IDataView, double> Quality, Func<IDataView, IEnumerable<uint>> Decisions)
        : IDisposable
    {
        public void Dispose() => Model.Dispose();
    }

    private sealed record Scored(uint[] Decisions, float[] Scores, double Quality)
    {
        public static Scored Of(string path, Trained trained, BackbonePrecision precision)
        {
            var context = new MLContext(seed: 1);
            context.SetPTuningPrecision(precision);
            using var model = PTuningV2Transformer.LoadFrom(context, path);
            var scored = model.Transform(trained.Judged);
            return new(
                [.. trained.Decisions(scored)], [.. scored.GetColumn<VBuffer<float>>("Score").SelectMany(row => row.DenseValues())], trained.Quality(scored));
        }
    }
}
