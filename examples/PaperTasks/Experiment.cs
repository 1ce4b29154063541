using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.Transforms;
using PaperTasks.DataSets;

namespace PaperTasks;

/// <summary>One training and its evaluation.</summary>
/// <param name="Metrics">By name, the task's own metric first.</param>
/// <param name="TrainingTime">Of <c>Fit</c>, its evaluations after each epoch included.</param>
/// <param name="EvaluationRate">Development rows scored and evaluated a second.</param>
/// <param name="ZipBytes">Length of the trained transformer as <c>mlContext.Model.Save</c> writes it.</param>
internal sealed record RunResult(
    int Seed, IReadOnlyList<KeyValuePair<string, double>> Metrics, TrainingSummary Summary, string Backbone,
    TimeSpan TrainingTime, double EvaluationRate, long ZipBytes);

/// <summary>Trains a task's data with fixed settings, once a seed.</summary>
internal sealed class Experiment(TaskData data, Settings settings, string? backbone)
{
    /// <param name="seed">Seed of everything random.</param>
    /// <param name="saveTo">Where to save the whole chain, labels as text; null: nowhere.</param>
    /// <param name="progress">Told of each step.</param>
    /// <param name="cancellationToken">Ends the training early, with an exception.</param>
    public RunResult Run(int seed, string? saveTo, IProgress<TrainingProgress> progress, CancellationToken cancellationToken)
    {
        var mlContext = new MLContext(seed);
        IDataView trainText = Load(mlContext, data.Train, data.IsRegression);
        IDataView devText = Load(mlContext, data.Dev, data.IsRegression);

        ITransformer? labelsToKeys = data.IsRegression ? null : LabelsToKeys(mlContext).Fit(trainText);
        IDataView train = labelsToKeys?.Transform(trainText) ?? trainText;
        IDataView dev = labelsToKeys?.Transform(devText) ?? devText;

        PTuningV2Trainer.Options options = TrainerOptions(seed, progress, cancellationToken);
        PTuningV2Trainer trainer = data.IsRegression
            ? mlContext.Regression.Trainers.PTuningV2(options)
            : mlContext.MulticlassClassification.Trainers.PTuningV2(options);

        var clock = Stopwatch.StartNew();
        using PTuningV2Transformer model = trainer.Fit(train, dev);          // with a validation set: the best epoch's weights
        TimeSpan trainingTime = clock.Elapsed;

        clock.Restart();
        IDataView scored = mlContext.Data.Cache(model.Transform(dev));              // one pass over the encoder for all metrics
        IReadOnlyList<KeyValuePair<string, double>> metrics = Evaluation.Evaluate(mlContext, scored, data);
        double evaluationRate = data.Dev.Count / clock.Elapsed.TotalSeconds;

        using var zip = new MemoryStream();
        mlContext.Model.Save(model, train.Schema, zip);
        if (saveTo is not null)
            mlContext.Model.Save(Chain(mlContext, train, labelsToKeys, model), trainText.Schema, saveTo);

        return new RunResult(seed, metrics, model.Summary!, model.Backbone.Name, trainingTime, evaluationRate, zip.Length);
    }

    private static IDataView Load(MLContext mlContext, IReadOnlyList<Example> rows, bool numbers) => numbers
        ? mlContext.Data.LoadFromEnumerable(rows.Select(row => new ScoredRow
        {
            Sentence1 = row.Sentence1,
            Sentence2 = row.Sentence2 ?? "",
            Label = float.Parse(row.Label, NumberStyles.Float, CultureInfo.InvariantCulture),
        }))
        : mlContext.Data.LoadFromEnumerable(rows.Select(row => new LabelledRow
        {
            Sentence1 = row.Sentence1,
            Sentence2 = row.Sentence2 ?? "",
            Label = row.Label,
        }));

    // The keys are given, not collected: a label that only the development rows have is a class too, and its rows count as wrong.
    private ValueToKeyMappingEstimator LabelsToKeys(MLContext mlContext)
    {
        IDataView labels = mlContext.Data.LoadFromEnumerable(data.Labels.Select(label => new LabelRow { Label = label }));
        return mlContext.Transforms.Conversion.MapValueToKey("Label", keyData: labels);
    }

    private PTuningV2Trainer.Options TrainerOptions(int seed, IProgress<TrainingProgress> progress, CancellationToken cancellationToken) => new()
    {
        Sentence2ColumnName = data.IsPair ? nameof(LabelledRow.Sentence2) : null,
        Backbone = backbone,
        PrefixLength = settings.PrefixLength,
        PrefixLayers = settings.PrefixLayers,
        PrefixProjection = settings.Projection,
        PositionOffset = settings.PositionOffset,
        PrefixDropout = settings.PrefixDropout,
        HeadDropout = settings.HeadDropout,
        BackboneDropout = settings.BackboneDropout,
        MaxLength = settings.MaxLength,
        PadToMaxLength = settings.PadToMax,
        LearningRate = settings.LearningRate,
        BatchSize = settings.BatchSize,
        MaxEpochs = settings.Epochs,
        Seed = seed,
        Progress = progress,
        CancellationToken = cancellationToken,
    };

    private static ITransformer Chain(MLContext mlContext, IDataView train, ITransformer? labelsToKeys, PTuningV2Transformer model)
    {
        if (labelsToKeys is null)
            return model;

        ITransformer keysToLabels = mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(model.Transform(train));
        return new TransformerChain<ITransformer>(labelsToKeys, model, keysToLabels);
    }

    private sealed class LabelledRow
    {
        public string Sentence1 { get; set; } = "";

        public string Sentence2 { get; set; } = "";

        public string Label { get; set; } = "";
    }

    private sealed class ScoredRow
    {
        public string Sentence1 { get; set; } = "";

        public string Sentence2 { get; set; } = "";

        public float Label { get; set; }
    }

    private sealed class LabelRow
    {
        public string Label { get; set; } = "";
    }
}
