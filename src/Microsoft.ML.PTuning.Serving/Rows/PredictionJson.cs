using System.Text.Json.Nodes;

namespace Microsoft.ML.PTuning.Serving.Rows;

/// <summary>Makes JSON of a model's predictions. Safe for any number of threads.</summary>
/// <remarks>
/// Scores of classes are an object by class. Entities are objects with type, start and end, and answers with text, start, end and score, in characters
/// (UTF-16) from 0, or in words where the text came as words. A number that is none is null.
/// </remarks>
internal sealed class PredictionJson
{
    private readonly Func<DataViewRow, JsonObject> _write;

    /// <param name="outputs">The columns that the model and the steps after it add.</param>
    /// <param name="text">The only column of text that is read; null if there is another number of them.</param>
    public PredictionJson(PTuningV2Transformer model, IReadOnlyList<DataViewSchema.Column> outputs, string? text)
    {
        OutputColumn[] columns = [.. outputs.Select(column => new OutputColumn(column, model.Classes))];
        _write = model.Task switch
        {
            "question-answering" when AnswerJson.Of(columns) is { } answers => answers.Write,
            "named-entity-recognition" => row => EntityJson.Write(row, columns, text),
            _ => row => Write(row, columns),
        };
    }

    /// <param name="row">A row behind the whole pipeline, of any version of the model with these columns.</param>
    /// <exception cref="ArgumentOutOfRangeException">The row lacks a column.</exception>
    public JsonObject Write(DataViewRow row) => _write(row);

    private static JsonObject Write(DataViewRow row, IEnumerable<OutputColumn> columns) =>
        new(columns.Select(column => KeyValuePair.Create(column.Name, column.Read(row))));
}
