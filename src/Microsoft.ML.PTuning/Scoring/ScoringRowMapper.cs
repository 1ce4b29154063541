using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>Adds the task's columns to one row at a time, as <c>PredictionEngine</c> needs it.</summary>
/// <param name="open">Prepares to predict: every call of the result gives the prediction of the row's current values.</param>
internal sealed class ScoringRowMapper(PromptTask task, DataViewSchema inputSchema, Func<DataViewRow, Func<Prediction>> open) : IRowToRowMapper
{
    private readonly ScoringSchema _schema = new(task, inputSchema);

    /// <summary>Predicts each row by itself.</summary>
    public ScoringRowMapper(PromptModel model, DataViewSchema inputSchema)
        : this(model.Task, inputSchema, row => Open(model, row))
    {
    }

    public DataViewSchema InputSchema => _schema.Input;

    public DataViewSchema OutputSchema => _schema.Output;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) =>
        _schema.Needed([.. dependingColumns.Select(c => c.Index)]);

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        if (input.Schema != _schema.Input)
            throw new ArgumentException("The row's schema is not the one that this mapper was made for.", nameof(input));
        var active = activeColumns.Select(c => c.Index).ToHashSet();
        return new ScoringRow(_schema, input, active, active.Any(_schema.IsAdded) ? open(input) : null);
    }

    // Predicted once, when one of the columns is first read.
    private static Func<Prediction> Open(PromptModel model, DataViewRow row)
    {
        var read = model.Task.OpenRow(row, withTarget: false);
        Prediction? prediction = null;
        var predicted = -1L;
        return () =>
        {
            if (prediction is null || predicted != row.Position || predicted < 0)
            {
                prediction = model.Predict([read()!])[0];
                predicted = row.Position;
            }
            return prediction;
        };
    }

    /// <summary>The row with the task's columns.</summary>
    private sealed class ScoringRow(ScoringSchema schema, DataViewRow input, IReadOnlySet<int> active, Func<Prediction>? predict) : DataViewRow
    {
        public override DataViewSchema Schema => schema.Output;

        public override long Position => input.Position;

        public override long Batch => input.Batch;

        public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
            schema.Getter<TValue>(column, active, predict!, input.GetGetter<TValue>);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                input.Dispose();
            base.Dispose(disposing);
        }
    }
}
