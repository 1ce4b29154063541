namespace Microsoft.ML.PTuning.Orleans;

/// <summary>A sweep and the rows that its trials learn, as a silo has them.</summary>
/// <typeparam name="TOptions">The options of the task.</typeparam>
/// <param name="sweep">The same sweep as the caller's. Its results file, progress and cancellation are not used here.</param>
/// <param name="training">The rows that every trial learns.</param>
/// <param name="validation">Other rows, with the same columns; null to hold out a share of the training rows.</param>
/// <example>
/// <code>
/// var rows = new SweepRows&lt;PTuningV2Trainer.MulticlassOptions&gt;(TicketSweep.Create(mlContext), tickets);
/// </code>
/// </example>
public sealed class SweepRows<TOptions>(PTuningSweep<TOptions> sweep, IDataView training, IDataView? validation = null)
    where TOptions : PTuningV2Trainer.Options
{
    internal double Measure(PTuningSweepPoint point, CancellationToken cancellationToken) => sweep.Measure(point, training, validation, cancellationToken);
}
