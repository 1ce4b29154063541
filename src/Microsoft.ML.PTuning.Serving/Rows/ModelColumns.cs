using System.Collections.Concurrent;

namespace Microsoft.ML.PTuning.Serving.Rows;

/// <summary>The columns of a model: how JSON becomes a row, and a prediction JSON.</summary>
/// <param name="Row">The columns that are read. Models with the same columns share the object.</param>
/// <param name="Outputs">The columns that the model and the steps after it add.</param>
/// <param name="Writer">Makes JSON of a prediction.</param>
internal sealed record ModelColumns(RowColumns Row, IReadOnlyList<string> Outputs, PredictionJson Writer)
{
    private static readonly ConcurrentDictionary<string, RowColumns> s_known = new(StringComparer.Ordinal);

    /// <summary>What the columns that are read hold.</summary>
    public IReadOnlyDictionary<string, string> Inputs => Row.Inputs;

    /// <param name="whole">The pipeline.</param>
    /// <param name="model">The model in it.</param>
    /// <param name="input">The columns of the training rows.</param>
    /// <exception cref="InvalidDataException">The model reads a column that JSON cannot give, or does not go row by row.</exception>
    public static ModelColumns Of(ITransformer whole, PTuningV2Transformer model, DataViewSchema input)
    {
        if (!whole.IsRowToRowMapper)
            throw new InvalidDataException("The pipeline has a step that does not go row by row, so it cannot predict single rows. Leave it out.");

        var mapper = whole.GetRowToRowMapper(input);
        var before = BeforeModel(whole, model, input);
        var known = before.Select(column => column.Name).ToHashSet();
        var added = model.GetOutputSchema(before).Skip(before.Count).Select(column => column.Name).ToHashSet();
        DataViewSchema.Column[] outputs =
            [.. mapper.OutputSchema.Where(column => !column.IsHidden && (added.Contains(column.Name) || !known.Contains(column.Name)))];
        var read = mapper.GetDependencies(outputs).Select(column => column.Name).ToHashSet();

        var columns = RowColumns.Of(input, read);
        return new ModelColumns(
            s_known.GetOrAdd(columns.Key, columns), [.. outputs.Select(column => column.Name)], new PredictionJson(model, outputs, columns.SingleText));
    }

    // The columns that the model itself gets, behind the steps before it.
    private static DataViewSchema BeforeModel(ITransformer whole, PTuningV2Transformer model, DataViewSchema schema)
    {
        if (whole is not IEnumerable<ITransformer> chain)
            return schema;
        foreach (var step in chain)
        {
            if (step == model)
                break;
            if (step is IEnumerable<ITransformer> inner && inner.Contains(model))
                return BeforeModel(step, model, schema);
            schema = step.GetOutputSchema(schema);
        }
        return schema;
    }
}
