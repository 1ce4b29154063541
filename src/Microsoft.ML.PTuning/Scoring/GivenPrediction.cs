using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tasks;

namespace Microsoft.ML.PTuning.Scoring;

/// <summary>Replaces the model in a chain, and gives predictions that were made elsewhere.</summary>
/// <param name="prediction">The current row's.</param>
internal sealed class GivenPrediction(PromptTask task, Func<Prediction> prediction) : ITransformer
{
    public bool IsRowToRowMapper => true;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => new ScoringSchema(task, inputSchema).Output;

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => new ScoringRowMapper(task, inputSchema, _ => prediction);

    public IDataView Transform(IDataView input) => throw new NotSupportedException("It maps single rows only.");

    void ICanSaveModel.Save(ModelSaveContext ctx) => throw new NotSupportedException("It is not part of any model.");
}
