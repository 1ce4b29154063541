using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tool.Data;

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
        var behind = task.Behind(mlContext)?.Fit(model.Transform(prepared));
        return new TrainedPipeline(new TransformerChain<ITransformer>([.. ((ITransformer?[])[before, model, behind]).OfType<ITransformer>()]), model);
    }

    private static IDataView Through(ITransformer? transformer, IDataView view) => transformer?.Transform(view) ?? view;
}
