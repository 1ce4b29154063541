using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Compute;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>Data with the task's columns added when they are asked for.</summary>
/// <remarks>
/// An <see cref="IDataTransform"/>, so that ML.NET sees a step here and not the source of the data. An export to ONNX is then refused; otherwise it
/// would leave the model out.
/// </remarks>
internal sealed class ScoredView(PromptModel model, IDataView source) : IDataTransform
{
    private readonly ScoringSchema _schema = new(model.Task, source.Schema);

    public bool CanShuffle => source.CanShuffle;

    public DataViewSchema Schema => _schema.Output;

    public IDataView Source => source;

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        var active = columnsNeeded.Select(c => c.Index).ToHashSet();
        var cursor = source.GetRowCursor(_schema.Needed(active), rand);
        try
        {
            return new LookAheadCursor(model, _schema, cursor, active);
        }
        catch
        {
            cursor.Dispose();
            throw;
        }
    }

    /// <remarks>One cursor: it already keeps all cores busy, several would only fight over them.</remarks>
    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];

    /// <exception cref="NotSupportedException">Always.</exception>
    void ICanSaveModel.Save(ModelSaveContext ctx) =>
        throw new NotSupportedException("Scored data cannot be saved as a model. Save the transformer: mlContext.Model.Save(transformer, schema, path).");
}
