using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>Predicts a row at a time, as <c>PredictionEngine</c> asks for it.</summary>
internal sealed class ScoringRowMapper(PromptModel model, DataViewSchema inputSchema) : IRowToRowMapper
{
    private readonly ScoringSchema _schema = new(model.Task, inputSchema);

    public DataViewSchema InputSchema => _schema.Input;

    public DataViewSchema OutputSchema => _schema.Output;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) =>
        _schema.Needed([.. dependingColumns.Select(c => c.Index)]);

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        if (input.Schema != _schema.Input)
            throw new ArgumentException("The row's schema is not the one that this mapper was made for.", nameof(input));
        return new ScoringRow(model, _schema, input, activeColumns.Select(c => c.Index).ToHashSet());
    }

    /// <summary>The row with the task's columns; predicted once, when one of them is first read.</summary>
    private sealed class ScoringRow : DataViewRow
    {
        private readonly PromptModel _model;
        private readonly ScoringSchema _schema;
        private readonly DataViewRow _input;
        private readonly IReadOnlySet<int> _active;
        private readonly Func<PendingExample?>? _read;
        private Prediction? _prediction;
        private long _predicted = -1;

        public ScoringRow(PromptModel model, ScoringSchema schema, DataViewRow input, IReadOnlySet<int> active)
        {
            (_model, _schema, _input, _active) = (model, schema, input, active);
            _read = active.Any(schema.IsAdded) ? model.Task.OpenRow(input, withTarget: false) : null;
        }

        public override DataViewSchema Schema => _schema.Output;

        public override long Position => _input.Position;

        public override long Batch => _input.Batch;

        public override ValueGetter<DataViewRowId> GetIdGetter() => _input.GetIdGetter();

        public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column.Index);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
            _schema.Getter<TValue>(column, _active, Predict, _input.GetGetter<TValue>);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _input.Dispose();
            base.Dispose(disposing);
        }

        private Prediction Predict()
        {
            if (_prediction is null || _predicted != _input.Position || _predicted < 0)
            {
                _prediction = _model.Predict([_read!()!])[0];
                _predicted = _input.Position;
            }
            return _prediction;
        }
    }
}
