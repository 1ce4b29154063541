using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning;
using Microsoft.ML.PTuning.Formats;
using PaperTasks.DataSets;
using PaperTasks.Methods;

namespace PaperTasks.Experiments;

/// <summary>One training and its evaluation.</summary>
/// <param name="Metrics">By name, the task's own metric first.</param>
/// <param name="Encoder">Name of the encoder; null where the method has none.</param>
/// <param name="TrainingTime">Of training; where the best epoch is kept, the evaluation after each epoch included.</param>
/// <param name="EvaluationTime">Of scoring and judging the development rows.</param>
/// <param name="Summary">Null where the method trains no model of the library.</param>
/// <param name="ZipBytes">Length of that model as <c>mlContext.Model.Save</c> writes it.</param>
internal sealed record RunResult(
    int Seed, int TrainRows, int DevRows, IReadOnlyList<KeyValuePair<string, double>> Metrics, string? Encoder, TimeSpan TrainingTime,
    TimeSpan EvaluationTime, TrainingSummary? Summary, long? ZipBytes)
{
    /// <summary>Development rows scored and judged a second.</summary>
    public double EvaluationRate => DevRows / EvaluationTime.TotalSeconds;
}

/// <summary>Trains and judges methods on rows of one kind of task.</summary>
internal abstract class Experiment
{
    /// <param name="saveTo">Where to save the whole chain, labels as text; null: nowhere.</param>
    public static RunResult Run(Method method, TrainingRun run, string? saveTo = null)
    {
        TrainingRun shaped = run with { Data = method.Shape(run.Data) };
        return For(shaped.Data).Measure(method, shaped, saveTo) with { TrainRows = run.Data.TrainRows, DevRows = run.Data.DevRows };
    }

    /// <summary>The training and the development rows, labels as the files have them.</summary>
    protected abstract (IDataView Train, IDataView Dev) Load(MLContext mlContext);

    /// <summary>Turns labels into the keys that are learned; null where they are learned as they are.</summary>
    protected abstract IEstimator<ITransformer>? LabelsToKeys(MLContext mlContext);

    /// <param name="mlContext">The context.</param>
    /// <param name="scored">The development rows with the predicted columns.</param>
    /// <returns>By name, the task's own metric first.</returns>
    protected abstract IReadOnlyList<KeyValuePair<string, double>> Evaluate(MLContext mlContext, IDataView scored);

    private static Experiment For(TaskData data) => data switch
    {
        SentenceData sentences => new SentenceExperiment(sentences),
        TaggingData sentences => new TaggingExperiment(sentences),
        AnswerData questions => new AnswerExperiment(questions),
        ChoiceData questions => new ChoiceExperiment(questions),
        WritingData facts => new WritingExperiment(facts),
        _ => throw new NotSupportedException($"There is no experiment for {data.GetType().Name}."),
    };

    private RunResult Measure(Method method, TrainingRun run, string? saveTo)
    {
        MLContext mlContext = run.Context;
        (IDataView trainText, IDataView devText) = Load(mlContext);

        ITransformer? labelsToKeys = LabelsToKeys(mlContext)?.Fit(trainText);
        IDataView train = labelsToKeys?.Transform(trainText) ?? trainText;
        IDataView dev = labelsToKeys?.Transform(devText) ?? devText;

        run = run with { Shared = Load(run.Shared, mlContext) };

        var clock = Stopwatch.StartNew();
        using Learned learned = method.Learn(run, train, dev);
        TimeSpan trainingTime = clock.Elapsed;

        clock.Restart();
        IDataView scored = mlContext.Data.Cache(learned.Score(dev));                // one pass over the encoder for all metrics
        IReadOnlyList<KeyValuePair<string, double>> metrics = Evaluate(mlContext, scored);
        TimeSpan evaluationTime = clock.Elapsed;

        PTuningV2Transformer? model = learned.Model;
        if (saveTo is not null && model is not null)
            WholeFile.Write(saveTo, zip => mlContext.Model.Save(Chain(mlContext, train, labelsToKeys, model), trainText.Schema, zip));
        return new RunResult(
            run.Seed, run.Data.TrainRows, run.Data.DevRows, metrics, learned.Encoder, trainingTime, evaluationTime, model?.Summary,
            model is null ? null : ZipBytes(mlContext, model, train));
    }

    private static SharedTraining? Load(SharedTraining? shared, MLContext mlContext) => shared is null ? null : shared with
    {
        Companions = [.. shared.Companions.Select(companion => companion with { Rows = For(companion.Data).LoadTraining(mlContext) })],
    };

    private IDataView LoadTraining(MLContext mlContext)
    {
        IDataView text = Load(mlContext).Train;
        return LabelsToKeys(mlContext)?.Fit(text).Transform(text) ?? text;
    }

    private static long ZipBytes(MLContext mlContext, PTuningV2Transformer model, IDataView train)
    {
        using var zip = new MemoryStream();
        mlContext.Model.Save(model, train.Schema, zip);
        return zip.Length;
    }

    private static ITransformer Chain(MLContext mlContext, IDataView train, ITransformer? labelsToKeys, PTuningV2Transformer model)
    {
        if (labelsToKeys is null)
            return model;

        ITransformer keysToLabels = mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(model.Transform(train));
        return new TransformerChain<ITransformer>(labelsToKeys, model, keysToLabels);
    }
}
