using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
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
internal abstract class Experiment(TaskData data, Settings settings, string? backbone)
{
    /// <summary>The experiment for a kind of task.</summary>
    public static Experiment For(TaskData data, Settings settings, string? backbone) => data switch
    {
        SentenceData sentences => new SentenceExperiment(sentences, settings, backbone),
        TaggingData sentences => new TaggingExperiment(sentences, settings, backbone),
        ChoiceData questions => new ChoiceExperiment(questions, settings, backbone),
        _ => throw new NotSupportedException($"There is no experiment for {data.GetType().Name}."),
    };

    /// <param name="seed">Seed of everything random.</param>
    /// <param name="saveTo">Where to save the whole chain, labels as text; null: nowhere.</param>
    /// <param name="progress">Told of each step.</param>
    /// <param name="cancellationToken">Ends the training early, with an exception.</param>
    public RunResult Run(int seed, string? saveTo, IProgress<TrainingProgress> progress, CancellationToken cancellationToken)
    {
        var mlContext = new MLContext(seed);
        (IDataView trainText, IDataView devText) = Load(mlContext);

        ITransformer? labelsToKeys = LabelsToKeys(mlContext)?.Fit(trainText);
        IDataView train = labelsToKeys?.Transform(trainText) ?? trainText;
        IDataView dev = labelsToKeys?.Transform(devText) ?? devText;

        PTuningV2Trainer trainer = Trainer(mlContext, new TrainingRun(seed, progress, cancellationToken));
        var clock = Stopwatch.StartNew();
        using PTuningV2Transformer model = trainer.Fit(train, dev);          // with a validation set: the best epoch's weights
        TimeSpan trainingTime = clock.Elapsed;

        clock.Restart();
        IDataView scored = mlContext.Data.Cache(model.Transform(dev));              // one pass over the encoder for all metrics
        IReadOnlyList<KeyValuePair<string, double>> metrics = Evaluate(mlContext, scored);
        double evaluationRate = data.DevRows / clock.Elapsed.TotalSeconds;

        using var zip = new MemoryStream();
        mlContext.Model.Save(model, train.Schema, zip);
        if (saveTo is not null)
            mlContext.Model.Save(Chain(mlContext, train, labelsToKeys, model), trainText.Schema, saveTo);

        return new RunResult(seed, metrics, model.Summary!, model.Backbone.Name, trainingTime, evaluationRate, zip.Length);
    }

    /// <summary>The training and the development rows, labels as the files have them.</summary>
    protected abstract (IDataView Train, IDataView Dev) Load(MLContext mlContext);

    /// <summary>Turns labels into the keys that the trainer learns; null where it learns them as they are.</summary>
    protected abstract IEstimator<ITransformer>? LabelsToKeys(MLContext mlContext);

    protected abstract PTuningV2Trainer Trainer(MLContext mlContext, TrainingRun run);

    /// <param name="mlContext">The context.</param>
    /// <param name="scored">The development rows with the trained model's columns.</param>
    /// <returns>By name, the task's own metric first.</returns>
    protected abstract IReadOnlyList<KeyValuePair<string, double>> Evaluate(MLContext mlContext, IDataView scored);

    /// <summary>Fills in the options that all kinds of task share.</summary>
    protected TOptions WithSettings<TOptions>(TOptions options, TrainingRun run)
        where TOptions : PTuningV2Trainer.Options
    {
        options.Backbone = backbone;
        options.PrefixLength = settings.PrefixLength;
        options.PrefixLayers = settings.PrefixLayers;
        options.PrefixProjection = settings.Projection;
        options.PositionOffset = settings.PositionOffset;
        options.PrefixDropout = settings.PrefixDropout;
        options.HeadDropout = settings.HeadDropout;
        options.BackboneDropout = settings.BackboneDropout;
        options.MaxLength = settings.MaxLength;
        options.PadToMaxLength = settings.PadToMax;
        options.LearningRate = settings.LearningRate;
        options.BatchSize = settings.BatchSize;
        options.MaxEpochs = settings.Epochs;
        options.Seed = run.Seed;
        options.Progress = run.Progress;
        options.CancellationToken = run.CancellationToken;
        return options;
    }

    private static ITransformer Chain(MLContext mlContext, IDataView train, ITransformer? labelsToKeys, PTuningV2Transformer model)
    {
        if (labelsToKeys is null)
            return model;

        ITransformer keysToLabels = mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(model.Transform(train));
        return new TransformerChain<ITransformer>(labelsToKeys, model, keysToLabels);
    }

    /// <summary>What differs from one training to the next.</summary>
    protected sealed record TrainingRun(int Seed, IProgress<TrainingProgress> Progress, CancellationToken CancellationToken);
}
