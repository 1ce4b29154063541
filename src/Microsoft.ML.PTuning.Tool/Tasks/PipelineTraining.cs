using Microsoft.ML.Data;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Tool.Tasks;

/// <summary>A trained pipeline.</summary>
/// <param name="Chain">The label's step, the model, and the step that names its classes.</param>
internal sealed record TrainedPipeline(TransformerChain<ITransformer> Chain, PTuningV2Transformer Model) : IDisposable
{
    public void Dispose() => Model.Dispose();
}

/// <summary>Trains the pipeline of a task.</summary>
internal static class PipelineTraining
{
    /// <param name="validation">Rows that choose the best epoch; null for none.</param>
    public static TrainedPipeline Run(
        MLContext mlContext,
        TrainingRows rows,
        DataTable training,
        DataTable? validation,
        TrainingSettings settings,
        IProgress<TrainingProgress>? progress,
        CancellationToken cancellationToken)
    {
        var task = rows.Task;
        var view = rows.View(training);
        var before = task.Before(mlContext, rows.Columns)?.Fit(view);
        var options = task.Options(rows.Columns);
        settings.Apply(options, progress, cancellationToken);
        if (validation is not null)
            options.ValidationSet = Through(before, rows.View(validation));

        var prepared = Through(before, view);
        var model = task.Trainer(mlContext, options).Fit(prepared);
        return new TrainedPipeline(Chain(mlContext, task, before, model, prepared), model);
    }

    /// <summary>A model between the steps of its task.</summary>
    /// <param name="before">The step that turns labels into what the model learns; null for none.</param>
    /// <param name="prepared">Rows behind that step.</param>
    public static TransformerChain<ITransformer> Chain(
        MLContext mlContext, ToolTask task, ITransformer? before, PTuningV2Transformer model, IDataView prepared)
    {
        var behind = task.Behind(mlContext)?.Fit(model.Transform(prepared));
        return new TransformerChain<ITransformer>([.. ((ITransformer?[])[before, model, behind]).OfType<ITransformer>()]);
    }

    /// <returns>The rows behind a step; the rows themselves if there is none.</returns>
    public static IDataView Through(ITransformer? transformer, IDataView view) => transformer?.Transform(view) ?? view;
}
