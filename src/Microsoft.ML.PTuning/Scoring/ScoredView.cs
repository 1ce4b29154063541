using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>Data with the task's columns, which are computed when they are read.</summary>
/// <remarks>
/// An <see cref="IDataTransform"/>, so that ML.NET sees a step here and not the source of the data. An export to ONNX is then refused; otherwise it
/// would leave the model out.
/// </remarks>
/// <param name="environment">The context, which may cancel the cursors that are open.</param>
internal sealed class ScoredView(PromptModel model, IDataView source, IHostEnvironment environment) : IDataTransform
{
    private readonly ScoringSchema _schema = new(model.Task, source.Schema);

    public bool CanShuffle => source.CanShuffle;

    public DataViewSchema Schema => _schema.Output;

    public IDataView Source => source;

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
        Open(Active(columnsNeeded), rand, inSmallBatches: false);

    /// <remarks>
    /// The first cursor has all rows: it keeps all cores busy, and several cursors would only compete for them. The second, empty one changes how ML.NET
    /// reads ahead: from a single cursor it would read a dozen batches of 128 rows, from several it reads six of the cursor's own small batches.
    /// </remarks>
    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        var active = Active(columnsNeeded);
        return n > 1 && active.Any(_schema.IsAdded)
            ? [Open(active, rand, inSmallBatches: true), new EmptyCursor(_schema, active)]
            : [Open(active, rand, inSmallBatches: false)];
    }

    /// <exception cref="NotSupportedException">Always.</exception>
    void ICanSaveModel.Save(ModelSaveContext ctx) =>
        throw new NotSupportedException("Scored data cannot be saved as a model. Save the transformer: mlContext.Model.Save(transformer, schema, path).");

    private static HashSet<int> Active(IEnumerable<DataViewSchema.Column> columns) => [.. columns.Select(c => c.Index)];

    private LookAheadCursor Open(HashSet<int> active, Random? rand, bool inSmallBatches)
    {
        var checkCancelled = HostEnvironment.CancellationOf(environment, nameof(ScoredView));
        var cursor = source.GetRowCursor(_schema.Needed(active), rand);
        try
        {
            return new LookAheadCursor(model, _schema, cursor, active, checkCancelled) { HasSmallBatches = inSmallBatches };
        }
        catch
        {
            cursor.Dispose();
            throw;
        }
    }
}
