using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tests.Tasks;

namespace Microsoft.ML.PTuning.Tests.Scoring;

/// <summary>What a predictor opens to read and answer rows of a type, seen by a step before the model.</summary>
[TestClass]
public sealed class RowBindingTests : IDisposable
{
    private readonly MixedModels _models = new();
    private readonly WatchedStep _step = new();

    public void Dispose() => _models.Dispose();

    [TestMethod]
    public async Task Removed_model_gives_back_what_its_rows_were_read_with()
    {
        using var predictor = Serve();
        await predictor.PredictAsync<MixedRow, Rating>("model", MixedRow.Draw(1));
        Assert.AreEqual(0, _step.Disposed);

        predictor.Remove("model");

        Assert.IsGreaterThan(0, _step.Disposed);
    }

    [TestMethod]
    public async Task Disposed_predictor_gives_back_what_rows_were_read_with()
    {
        using (var predictor = Serve())
            await predictor.PredictAsync<MixedRow, Rating>("model", MixedRow.Draw(1));

        Assert.IsGreaterThan(0, _step.Disposed);
    }

    private PTuningV2MultiTaskPredictor Serve()
    {
        var predictor = new PTuningV2MultiTaskPredictor(new MLContext());
        predictor.Add("model", new TransformerChain<ITransformer>(_step, _models.Create(Any.Regression, new DeepPrefix { PrefixLength = 3 })));
        return predictor;
    }

    /// <summary>Changes nothing, and counts the rows of it that are disposed.</summary>
    private sealed class WatchedStep : ITransformer
    {
        public int Disposed { get; private set; }

        public bool IsRowToRowMapper => true;

        public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => inputSchema;

        public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => new Mapper(this, inputSchema);

        public IDataView Transform(IDataView input) => input;

        void ICanSaveModel.Save(ModelSaveContext ctx) => throw new NotSupportedException();

        private sealed class Mapper(WatchedStep step, DataViewSchema schema) : IRowToRowMapper
        {
            public DataViewSchema InputSchema => schema;

            public DataViewSchema OutputSchema => schema;

            public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) => dependingColumns;

            public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns) => new Row(step, input);
        }

        private sealed class Row(WatchedStep step, DataViewRow input) : DataViewRow
        {
            private bool _isDisposed;

            public override DataViewSchema Schema => input.Schema;

            public override long Position => input.Position;

            public override long Batch => input.Batch;

            public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

            public override bool IsColumnActive(DataViewSchema.Column column) => input.IsColumnActive(column);

            public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => input.GetGetter<TValue>(column);

            protected override void Dispose(bool disposing)
            {
                if (disposing && !_isDisposed)
                {
                    _isDisposed = true;
                    step.Disposed++;
                    input.Dispose();
                }
                base.Dispose(disposing);
            }
        }
    }
}
